"""Command lines and what they mean."""

import contextlib
import io
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from multifleet.cli.arguments import HelpWanted, read_arguments
from multifleet.cli.commands import COMMANDS
from multifleet.cli.shape import Failed, UsageError
from tests.surfaces import ROOT


@pytest.mark.parametrize(
    "name, words, values",
    [
        ("send", ["mac2", "hi"], {"to": "mac2", "body": "hi"}),
        ("send", ["--type", "alert", "mac2", "hi"], {"type": "alert", "to": "mac2", "body": "hi"}),
        ("send", ["mac2", "--expires=1.5", "hi"], {"to": "mac2", "expires": 1.5, "body": "hi"}),
        ("send", ["mac2", "--", "--not an option"], {"to": "mac2", "body": "--not an option"}),
        ("send", ["mac2", "--thread=", "hi"], {"to": "mac2", "thread": "", "body": "hi"}),
        ("send", ["mac2", "a=b"], {"to": "mac2", "body": "a=b"}),
        ("inbox", ["--unread", "--limit", "3"], {"unread": True, "limit": 3}),
        ("invite", ["--at", "a:1", "--at", "b:2"], {"at": ["a:1", "b:2"]}),
        ("receipts", [], {}),
        ("join", ["C", "--at", "[::1]:8855"], {"code": "C", "at": ["[::1]:8855"]}),
        ("up", ["--port", "0"], {"port": 0}),
        ("trace", ["019a0000", "--timeout", "7200"], {"id": "019a0000", "timeout": 7200.0}),
        ("trace", ["019a0000", "--from-seat"], None),
        ("seat bind", ["api", "/x/../y"], {"name": "api", "folder": "/y"}),
    ],
)
def test_words_become_values(name: str, words: list[str], values: dict[str, Any] | None) -> None:
    if values is None:
        with pytest.raises(UsageError):
            read_arguments(COMMANDS[name], words)
    else:
        assert read_arguments(COMMANDS[name], words) == (values, False)


def test_a_code_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ABCD-EFGH\n")))
    assert read_arguments(COMMANDS["join"], ["-", "--at", "a:1"]) == ({"code": "ABCD-EFGH", "at": ["a:1"]}, False)


def test_without_a_terminal_a_code_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ABCD-EFGH\n")))
    with pytest.raises(UsageError, match="'-' reads it from standard input"):
        read_arguments(COMMANDS["join"], [])


@pytest.mark.parametrize("typed", ["ABCD-EFGH\n", "\n"])
def test_at_a_terminal_a_code_is_asked_for_and_not_shown(typed: str) -> None:
    program = (
        "from multifleet.cli.arguments import read_arguments\n"
        "from multifleet.cli.commands import COMMANDS\n"
        "print('took', read_arguments(COMMANDS['join'], [])[0])"
    )
    terminal, inside = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], stdin=inside, stdout=inside, stderr=inside,
                          cwd=ROOT, start_new_session=True) as child:  # fmt: skip
        os.close(inside)
        said = b""
        while b"code (not shown): " not in said:
            said += os.read(terminal, 1000)
        os.write(terminal, typed.encode())
        with contextlib.suppress(OSError):  # the terminal is closed with the process
            while piece := os.read(terminal, 1000):
                said += piece
    os.close(terminal)
    after = said.partition(b"(not shown): ")[2]
    if typed.strip():
        assert (child.returncode, after.strip()) == (0, b"took {'code': 'ABCD-EFGH'}")
    else:
        assert child.returncode == 1 and b"no code was typed; nothing was done" in after


@pytest.mark.parametrize(
    "name, words, sentence",
    [
        ("send", [], "TO is missing"),
        ("send", ["mac2"], "TEXT|- is missing"),
        ("send", ["mac2", "two", "words"], "in quotes"),
        ("send", ["mac2", "hi", "--urgency", "soon"], "--urgency is one of"),
        ("send", ["mac2", "hi", "--expires", "soon"], "--expires is a number"),
        ("send", ["mac2", "hi", "--expires", "inf"], "--expires is a number"),
        ("send", ["mac2", "hi", "--type"], "--type needs a value"),
        ("send", ["mac2", "hi", "--typ", "alert"], "there is no option '--typ'; did you mean --type? or put -- before"),
        ("send", ["mac2", "hi", "--timout=3"], "there is no option '--timout'; did you mean --timeout?"),
        ("status", ["--wach"], "there is no option '--wach'; did you mean --watch?"),
        ("send", ["mac2", "-5 degrees"], "put -- before a text"),
        ("send", ["mac2", "\udcff"], "is not UTF-8"),
        ("inbox", ["--unread=yes"], "--unread takes no value"),
        ("inbox", ["--limit", "many"], "--limit is a number"),
        ("up", ["--port", "65536"], "--port is 0 to 65535, not 65536"),
        ("up", ["--port", "-5"], "--port is 0 to 65535, not -5"),
        ("inbox", ["--limit", "0"], "--limit is 1 to 1000, not 0"),
        ("send", ["mac2", "hi", "--expires", "0"], "--expires is 1 to 2592000, not 0"),
        ("send", ["mac2", "hi", "--wait", "stored", "--timeout", "-1"], "--timeout is at least 0, not -1"),
        ("trace", ["019a0000", "--watch", "--timeout=-1"], "--timeout is at least 0, not -1"),
        ("send", ["mac2", "hi", "--id", "not-a-uuid"], "'not-a-uuid' is no whole id"),
        ("send", ["mac2", "hi", "--reply-to", "019a0000"], "'019a0000' is no whole id"),
        ("trace", ["zzz"], "'zzz' is no id: give at least 6 characters"),
        ("read", [""], "'' is no id"),
        ("read", ["mac1/"], "is no id"),
        ("read", ["mac1/mac2/019a0000"], "is no id"),
        ("retry", ["../../etc"], "is no id"),
        ("invite", ["--at", "foo:bar"], "'foo:bar' is not HOST:PORT, such as"),
        ("join", ["CODE", "--at", "foo"], "'foo' is not HOST:PORT"),
        ("join", ["CODE", "--at", "2001:db8::7:8855"], "is not HOST:PORT"),
        ("status", ["x\x1b[31m"], r"x\\u{1b}[31m"),
    ],
)
def test_what_cannot_be_understood_is_said(name: str, words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_arguments(COMMANDS[name], words)
    assert sentence in str(refused.value)


def test_of_messages_with_one_id_the_machine_that_sent_it_says_which_is_meant() -> None:
    id = "019a0000-0000-7000-8000-000000000001"
    assert read_arguments(COMMANDS["read"], [f"mac-1/{id[:8]}"]) == ({"id": f"mac-1/{id[:8]}"}, False)
    values, _ = read_arguments(COMMANDS["send"], ["mac2", "hi", "--reply-to", f"mac1/{id}"])
    assert values["reply_to"] == f"mac1/{id}"


def test_a_body_that_is_too_long_is_refused_before_it_is_sent() -> None:
    assert read_arguments(COMMANDS["send"], ["mac2", "é" * 131_072])
    with pytest.raises(Failed, match="262146 bytes and may have 262144"):
        read_arguments(COMMANDS["send"], ["mac2", "é" * 131_073])


@pytest.mark.parametrize(
    "name, field, label",
    [("send", "wait", "STATE"), ("send", "reply_to", "ID"), ("send", "thread", "NAME"), ("join", "at", "HOST:PORT")],
)
def test_help_says_what_stands_for_a_value(name: str, field: str, label: str) -> None:
    assert [found.label for found in COMMANDS[name].fields if found.name == field] == [label]


def test_json_and_help_are_known_to_every_command() -> None:
    assert read_arguments(COMMANDS["status"], ["--json"]) == ({}, True)
    with pytest.raises(HelpWanted):
        read_arguments(COMMANDS["send"], ["mac2", "--help"])
