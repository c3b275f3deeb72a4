"""Results for people: every command that prints one, and the table they share."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from multifleet.cli import table as tables
from multifleet.cli.render import render
from multifleet.cli.table import ago, cell, short, span, table, width, wrapped
from multifleet.errors import UnknownMessage
from tests.stand_in import ID, MESSAGE, NASTY
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
    ["check", "mac2"],
    ["why", "mac2"],
    ["sessions"],
    ["sessions", "gold"],
    ["seats"],
    ["seat", "bind", "api", "/x"],
    ["seat", "dnd", "api", "--until", "18:30"],
    ["seat", "remove", "api"],
    ["doctor"],
    ["invite"],
    ["join", "CODE"],
    ["rotate-keys"],
)


def answering(view: Any) -> Callable[..., Awaitable[Any]]:
    """An act of the node that answers with this view."""

    async def act(*given: Any, **more: Any) -> Any:
        return view

    return act


def refusing(error: Exception) -> Callable[..., Awaitable[Any]]:
    """An act of the node that refuses."""

    async def act(*given: Any, **more: Any) -> Any:
        raise error

    return act


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


@pytest.mark.parametrize("mark", [{}, {"CLAUDECODE": "1"}], ids=["person", "agent"])
async def test_a_message_that_was_refused_says_why(surfaces: Surfaces, mark: dict[str, str]) -> None:
    surfaces.node.messages.message = msgspec.structs.replace(MESSAGE, state="refused", reason=f"of a revoked {NASTY}")
    ran = await surfaces.cli("read", ID, **mark)
    assert "refused: of a revoked line\\nbreak" in ran.out
    assert not mark or ("Its state here: refused" in ran.out and "</system-reminder>" not in ran.out)


@pytest.mark.parametrize("mark", [{}, {"CLAUDECODE": "1"}], ids=["person", "agent"])
async def test_a_message_of_a_machine_whose_name_is_another_ones_now_has_its_key(
    surfaces: Surfaces, mark: dict[str, str]
) -> None:
    surfaces.node.messages.message = msgspec.structs.replace(MESSAGE, sender_key="9bc15f3c17c3366c")
    ran = await surfaces.cli("read", ID, **mark)
    assert "mac2/api (key 9bc15f3c17c3366c, not the one of that name now)" in ran.out


def test_an_inbox_tells_two_machines_of_one_name_apart() -> None:
    both = [MESSAGE, msgspec.structs.replace(MESSAGE, sender_key="9bc15f3c17c3366c")]
    text = render("inbox", {"messages": [msgspec.to_builtins(one) for one in both]})
    assert text.count("mac2/api") == 2 and text.count("mac2/api (key 9bc15f3c17c3366c)") == 1
    assert "multifleet roster shows the keys of now" in text


async def test_an_invitation_says_what_to_type(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("invite", "--at", "10.0.0.1:8855")
    assert "    multifleet join CODE\n" in ran.out
    assert surfaces.node.asked == [("invite", ["10.0.0.1:8855"])]


def test_columns_line_up_by_what_a_terminal_shows() -> None:
    text = table(("A", "B"), [("日本", 1), ("ab", 2)], empty="")
    assert text == "A     B\n日本  1\nab    2\n"


HEADS = ("ID", "STATE", "REASON")
LONG = "no project is bound to seat api there: run multifleet seat bind api FOLDER on mac2, then send it again"


def test_nothing_is_cut_where_there_is_no_terminal() -> None:
    assert LONG in table(HEADS, [(ID, "refused", LONG)], empty="", ids=True)


@pytest.mark.parametrize("columns", [30, 40, 80, 100, 160, 200])
def test_a_table_fits_its_terminal_and_keeps_every_word(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "terminal_width", lambda: columns)
    text = table(HEADS, [(ID, "refused", LONG), (ID, "queued", "日本" * 40), (ID, "stored", None)], empty="", ids=True)
    assert max(map(width, text.splitlines())) <= columns
    assert ID[:18] in text
    assert set(LONG.split()) <= set(text.split())
    assert text.count("日") == 40
    assert (ID in text) == (columns >= 100)


def test_a_list_previews_its_texts_on_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "terminal_width", lambda: 60)
    text = table(HEADS, [(ID, "stored", LONG)] * 2, empty="", ids=True, preview=True)
    assert [len(line) for line in text.splitlines()] == [34, 60, 60]


def test_a_text_is_wrapped_at_spaces_where_it_has_any() -> None:
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]
    assert wrapped("", 4) == [""]


async def test_an_address_with_colons_stands_in_brackets(surfaces: Surfaces, monkeypatch: pytest.MonkeyPatch) -> None:
    found = msgspec.structs.replace(await surfaces.node.status(), addresses=[":::8855", "127.0.0.1:8855"])
    monkeypatch.setattr(surfaces.node, "status", answering(found))
    assert "[::]:8855 127.0.0.1:8855" in (await surfaces.cli("status")).out
    assert (await surfaces.cli("status", "--json")).json["addresses"] == ["[::]:8855", "127.0.0.1:8855"]


async def test_health_is_a_line_that_a_person_reads(surfaces: Surfaces) -> None:
    assert (await surfaces.cli("health")).out == "mac1 answers: up 12 s, version 0.1.0, ok\n"


async def test_an_inbox_says_what_its_marks_mean(surfaces: Surfaces) -> None:
    assert (await surfaces.cli("inbox")).out.endswith("* nobody has read it yet: multifleet read ID\n")


async def test_a_seat_that_there_is_not_is_not_an_empty_inbox(
    surfaces: Surfaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surfaces.node.messages, "inbox", answering([]))
    assert (await surfaces.cli("inbox", "--seat", "api")).out == "no messages\n"
    for command in ("inbox", "unread"):
        ran = await surfaces.cli(command, "--seat", "nope")
        assert (ran.status, "no seat 'nope' here" in ran.err, "multifleet seats" in ran.err) == (1, True, True)


@pytest.mark.parametrize("words", [["read", ID], ["reply", ID, "hi"]], ids=lambda words: words[0])
async def test_a_message_that_left_from_here_is_named_as_such(
    surfaces: Surfaces, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surfaces.node.messages, words[0], refusing(UnknownMessage("no message here")))
    ran = await surfaces.cli(*words)
    assert (ran.status, f"{ID} is a message that you sent: see multifleet trace {ID}" in ran.err) == (1, True)


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


LEFT = {"node": "mac2", "fleet": "f", "new_fleet": "g", "told": [], "given_up": 0, "note": None, "waits": []}
LEFT |= {"not_told": ["mac1"]}


async def test_who_has_not_heard_of_a_leave_is_named_with_how_they_will() -> None:
    until = "to them mac2 is a member still, until multifleet revoke mac2 is said on a captain of theirs\n"
    nobody = render("leave", LEFT | {"running": True})
    assert nobody == f"mac2 has left fleet f: nobody has answered\nnot told: mac1: {until}"
    offline = render("leave", LEFT | {"running": False})
    assert f"not told: mac1 (without a daemon only the direct way was tried): {until}" in offline
    letter = render("leave", LEFT | {"running": True, "waits": ["mac3 (git: git.example)"]})
    assert "told once they look: mac3 (git: git.example)\n" in letter
    assert "not told: mac1, who hear it from the others once these know\n" in letter
    told = render("leave", LEFT | {"running": True, "told": ["mac4"]})
    assert told.endswith(": told mac4\nnot told: mac1, who hear it from the others\n")


def test_who_had_nobody_to_leave_is_told_that_alone() -> None:
    assert render("leave", LEFT | {"running": True, "new_fleet": "f", "note": "nobody to leave"}) == "nobody to leave\n"


SIGNED = {"id": "i", "from": "mac2", "to": "mac1", "signer": "ada", "key": "SHA256:abc", "signed_at": None}


@pytest.mark.parametrize(
    "proved, shown_as, last",
    [
        (True, "human", "signed by ada with SHA256:abc: proved"),
        (True, None, "signed by ada with SHA256:abc: proved"),
        (True, "agent", "it is shown as an agent's, for it was not proved when it came"),
        (False, "agent", "not proved to be a person's (SHA256:abc): gone"),
        (False, "human", "it is shown as a person's, for it was proved when it came"),
    ],
)
def test_what_is_proved_now_and_what_sessions_are_told_are_both_said(
    proved: bool, shown_as: str | None, last: str
) -> None:
    found = SIGNED | {"proved": proved, "shown_as": shown_as, "reason": None if proved else "gone"}
    assert render("verify", found).splitlines()[-1] == last


async def test_machines_without_a_session_are_named_and_many_of_them_counted() -> None:
    listing: dict[str, list[str]] = {"sessions": [], "peers": [], "notes": [], "without": ["mac2"]}
    here, there = render("sessions", listing).splitlines()
    assert here == "no agent session is open on this machine" and there == "mac2: no agent session is open there"
    text = render("sessions", listing | {"without": [f"mac{number}" for number in range(2, 12)]})
    assert "mac9 and 2 more: no agent session" in text and "mac10" not in text


async def test_one_message_is_not_called_messages() -> None:
    found = LEFT | {"told": ["mac1"], "given_up": 1, "not_told": []}
    assert render("leave", found).endswith("undeliverable now: 1 message (multifleet dead)\n")
    assert "2 messages (" in render("leave", found | {"given_up": 2})


async def test_what_lies_elsewhere_is_listed_with_how_long_nobody_has_fetched_it() -> None:
    sent = {"id": ID, "at": 0.0, "to": "mac2", "type": "task", "state": "sent", "reason": "by git: git.example"}
    text = render("outbox", {"messages": [sent | {"sent_at": time.time() - 7_201}]})
    assert "by git: git.example (not fetched for 2 h)" in " ".join(text.split())
    assert "not fetched" not in render("outbox", {"messages": [sent | {"sent_at": None}]})


REVOKED = {
    "node": "mac4",
    "key": "fedcba9876543210",
    "how": "revoked",
    "stays": [],
    "gone": [],
    "back": [],
    "given_up": 0,
    "told": False,
    "running": False,
    "had_put_out_me": False,
    "already": None,
    "already_at": None,
    "stays_out": ["mac2"],
    "heard": [],
    "not_heard": ["mac5"],
    "turned": None,
}


async def test_a_revocation_says_who_has_not_heard_it_and_who_stays_out() -> None:
    text = render("revoke", REVOKED)
    assert "mac4 itself could not be told" in text and "told now" not in text
    assert "not told yet: mac5\n" in text and "this machine" not in text
    struck = render("revoke", REVOKED | {"had_put_out_me": True})
    assert "until multifleet revoke mac4 --bring-others-back is said on a captain that is in\n" in struck
    assert "it had put out mac2, who stay out: multifleet revoke mac4 --bring-others-back brings them back\n" in text


async def test_a_second_revocation_says_that_it_is_one() -> None:
    text = render("revoke", REVOKED | {"already": "mac4 was revoked by mac1: stolen", "already_at": 1000.0})
    assert text.startswith("mac4 is out already, since ")
    assert ": mac4 was revoked by mac1: stolen\n" in text and "could not be told" not in text


async def test_mail_of_a_revoked_machine_says_why_it_is_refused(surfaces: Surfaces) -> None:
    message = msgspec.to_builtins(MESSAGE) | {"state": "refused", "reason": "mac4 was revoked by mac1: stolen"}
    message |= {"unread": False}
    text = render("inbox", {"messages": [message, message]})
    assert text.endswith("\nrefused: mac4 was revoked by mac1: stolen\n") and "nobody has read it" not in text
    assert text.count("stolen") == 1
    assert "state: refused: mac4 was revoked by mac1: stolen\n" in render("read", message)


async def test_a_join_names_up_only_where_no_daemon_runs() -> None:
    found = {"node": "mac2", "fleet": "f", "members": ["mac1", "mac2"], "inviter": "mac1", "running": True}
    assert 'next: multifleet send mac1 "hello"\n' in render("join", found)
    assert "next: multifleet up, then: multifleet send" in render("join", found | {"running": False})
