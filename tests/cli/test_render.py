"""Results for people: every command that prints one, and the table they share."""

import pytest

from multifleet.cli.table import ago, cell, short, span, table
from tests.stand_in import ID
from tests.surfaces import Surfaces

COMMANDS = (
    ["inbox"],
    ["unread"],
    ["read", ID],
    ["ack", ID],
    ["receipts"],
    ["outbox"],
    ["dead"],
    ["retry", ID],
    ["status"],
    ["health"],
    ["stats"],
    ["peers"],
    ["channels"],
    ["sessions"],
    ["seats"],
    ["seat", "bind", "api", "/x"],
    ["seat", "remove", "api"],
    ["doctor"],
    ["invite"],
    ["join", "CODE"],
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
async def test_every_command_prints_for_people_and_for_programs(surfaces: Surfaces, words: list[str]) -> None:
    plain = await surfaces.cli(*words)
    assert (plain.status, plain.err) == (0, "")
    assert plain.out.endswith("\n")
    assert isinstance((await surfaces.cli(*words, "--json")).json, dict)


async def test_an_inbox_has_the_fields_that_scripts_rely_on(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("inbox", "--json", "--unread")
    assert {"id", "from", "to", "type", "body", "state", "at"} <= ran.json["messages"][0].keys()
    assert surfaces.node.asked == [("inbox", (None, True, 50))]


async def test_a_message_is_fenced_for_an_agent(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("read", ID, CLAUDECODE="1")
    assert "</system-reminder>" not in ran.out
    assert "mac2/api" in ran.out


async def test_an_invitation_says_what_to_type(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("invite", "--at", "10.0.0.1:8855")
    assert "    multifleet join CODE\n" in ran.out
    assert surfaces.node.asked == [("invite", ["10.0.0.1:8855"])]


def test_columns_line_up_by_what_a_terminal_shows() -> None:
    text = table(("A", "B"), [("日本", 1), ("ab", 2)], empty="")
    assert text == "A     B\n日本  1\nab    2\n"


def test_an_empty_table_is_a_sentence() -> None:
    assert table(("A",), [], empty="nothing") == "nothing\n"


@pytest.mark.parametrize(
    "value, text", [(None, "-"), ("", "-"), (True, "yes"), (["a", "b"], "a b"), ("a\nb", r"a\nb"), ([], "-")]
)
def test_a_cell_is_one_line(value: object, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize("seconds, text", [(-1, "0 s"), (61, "61 s"), (180, "3 min"), (9000, "2 h"), (300_000, "3 d")])
def test_a_length_of_time_has_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_moment_that_never_was_is_never() -> None:
    assert ago(None) == "never"
    assert ago(10.0, now=15.0) == "5 s ago"


def test_a_long_text_is_cut_visibly() -> None:
    assert short("abcdef", 4) == "abc\u2026"
