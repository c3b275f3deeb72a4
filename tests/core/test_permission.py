"""Which rule decides what a sender may send to a seat."""

import pytest

from multifleet.core.permission import Rule, refusal, rule_for

RULES = [
    Rule("*", "*", "context"),
    Rule("*", "mac3", "nothing"),
    Rule("api", "*", "task"),
    Rule("api", "mac3", "context"),
    Rule("api", "mac3/web", "nothing"),
]


@pytest.mark.parametrize(
    ("seat", "sender", "type", "words"),
    [
        ("web", "mac2/api", "context", None),
        ("web", "mac2/api", "task", "web takes context from mac2/api and no task: its user has decided so"),
        (None, "mac2", "repair", "this machine takes context from mac2 and no repair: its user has decided so"),
        ("web", "mac3", "alert", "web takes no messages from mac3: its user has decided so"),
        ("api", "mac2", "task", None),
        ("api", "mac3", "reply", None),
        ("api", "mac3/api", "task", "api takes context from mac3/api and no task: its user has decided so"),
        ("api", "mac3/web", "reply", "api takes no messages from mac3/web: its user has decided so"),
    ],
)
def test_the_most_exact_rule_decides(seat: str | None, sender: str, type: str, words: str | None) -> None:
    assert refusal(RULES, seat, sender, type) == words


def test_without_a_rule_all_is_allowed() -> None:
    assert rule_for([], "api", "mac2") is None
    assert refusal([Rule("web", "*", "nothing")], "api", "mac2", "task") is None
