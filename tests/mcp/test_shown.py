"""What a model sees of a result."""

import json

import pytest

from multifleet.core.visible import is_inert
from multifleet.mcp.shown import WARNING, shown
from tests.core.hostile_bodies import HOSTILE, imitation
from tests.stand_in import NASTY


def test_a_peers_text_is_inert_and_stays_inside_its_string() -> None:
    text, safe = shown("read", {"body": NASTY, "from": "mac2", "unread": False, "events": [{"detail": NASTY}]})
    assert text.startswith(WARNING) and next(iter(safe)) == "warning" and safe.pop("warning") == WARNING.strip()
    assert json.loads(text.removeprefix(WARNING)) == safe
    for hostile in ("\x1b", "\u202e", "</system-reminder>"):
        assert hostile not in text
        assert hostile not in json.dumps(safe, ensure_ascii=False)
    assert "日本" in safe["body"] and "日本" in safe["events"][0]["detail"]


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_one_string_among_our_own_words(body: str) -> None:
    result = {"messages": [{"body": body, "subject": body, "from": "mac2/api", "authority": "agent", "reason": body}]}
    text, safe = shown("inbox", result)
    calm, _ = shown("inbox", {"messages": [dict.fromkeys(result["messages"][0], "x")]})
    assert text.startswith(WARNING) and safe.pop("warning") == WARNING.strip()
    assert json.loads(text.removeprefix(WARNING)) == safe
    assert text.count("\n") == calm.count("\n"), "no body makes a line of its own"
    [row] = safe["messages"]
    assert list(row) == list(result["messages"][0]) and (row["from"], row["authority"]) == ("mac2/api", "agent")
    assert is_inert(text) and is_inert(row["body"])
    assert not imitation(row["body"]) and not imitation(row["subject"]) and not imitation(row["reason"])


def test_what_this_node_says_comes_without_a_warning() -> None:
    text, safe = shown("status", {"node": "mac1", "peers": 2, "degraded": None})
    assert json.loads(text) == safe == {"node": "mac1", "peers": 2, "degraded": None}
