"""Before a command is done that nothing undoes, its user is asked."""

import io
import json
from typing import Any

import pytest

from multifleet.cli.commands import COMMANDS
from multifleet.cli.confirm import confirm
from multifleet.cli.shape import Failed, NotRunning
from multifleet.operations import OPERATIONS, Effect

ROSTER: dict[str, Any] = {
    "node": "mac1",
    "members": [{"node": "mac1", "key": "fedcba9876543210"}, {"node": "laptop", "key": "0123456789abcdef"}],
    "out": [{"node": "old", "key": "00112233445566ff"}],
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    def ask(*_: Any) -> bytes:
        return json.dumps(ROSTER).encode()

    monkeypatch.setattr("multifleet.cli.daemon.ask", ask)
    return Terminal()


def typed(monkeypatch: pytest.MonkeyPatch, said: Terminal, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))
    monkeypatch.setattr("sys.stderr", said)


def test_all_commands_that_nothing_undoes_ask_and_no_others_do() -> None:
    assert {operation.name for operation in OPERATIONS if operation.effect is Effect.ENDS} == {"revoke", "leave"}
    for name, command in COMMANDS.items():
        ends = name in ("revoke", "leave")
        assert bool(command.asks) is ends is ("yes" in {field.name for field in command.fields})


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, said: Terminal, answer: str) -> None:
    typed(monkeypatch, said, answer)
    confirm(COMMANDS["revoke"], {"node": "laptop"})
    asked = "Revoke laptop (key 0123456789abcdef)? It can only come back with new keys. [y/N] "
    assert said.getvalue() == asked


@pytest.mark.parametrize("answer", ["\n", "", "n\n", "nay\n"])
def test_anything_else_is_a_no(monkeypatch: pytest.MonkeyPatch, said: Terminal, answer: str) -> None:
    typed(monkeypatch, said, answer)
    with pytest.raises(Failed, match="nothing was done"):
        confirm(COMMANDS["leave"], {})
    assert said.getvalue().startswith("Leave the fleet?")


def test_a_key_is_asked_about_with_its_name(monkeypatch: pytest.MonkeyPatch, said: Terminal) -> None:
    typed(monkeypatch, said, "y\n")
    confirm(COMMANDS["revoke"], {"node": "012345"})
    assert said.getvalue().startswith("Revoke 012345 (laptop)?")


def test_it_is_asked_also_where_no_daemon_knows_the_key(monkeypatch: pytest.MonkeyPatch, said: Terminal) -> None:
    def ask(*_: Any) -> bytes:
        raise NotRunning("no daemon runs")

    monkeypatch.setattr("multifleet.cli.daemon.ask", ask)
    typed(monkeypatch, said, "y\n")
    confirm(COMMANDS["revoke"], {"node": "lap\x1btop"})
    assert said.getvalue().startswith("Revoke lap") and "\x1b" not in said.getvalue()


def test_a_script_says_yes_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    values: dict[str, Any] = {"node": "laptop", "yes": True}
    confirm(COMMANDS["revoke"], values)
    assert values == {"node": "laptop"}
    with pytest.raises(Failed, match="--yes"):
        confirm(COMMANDS["revoke"], values)


@pytest.mark.parametrize("whom", ["mac1", "fedcba98", "fedcba9876543210" + "0" * 48])
def test_who_names_this_machine_is_told_of_leave_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, said: Terminal, whom: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(Failed, match="this is this machine itself: multifleet leave, or revoke it on another captain"):
        confirm(COMMANDS["revoke"], {"node": whom})
    assert said.getvalue() == ""


@pytest.mark.parametrize("whom", ["zz", "ffffffff", "zz\x1b"])
def test_who_names_nobody_is_told_so_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, said: Terminal, whom: str
) -> None:
    typed(monkeypatch, said, "y\n")
    with pytest.raises(Failed, match=r"no node .(zz|ffffffff).*in the fleet: multifleet roster shows who is"):
        confirm(COMMANDS["revoke"], {"node": whom})
    assert said.getvalue() == ""


@pytest.mark.parametrize("whom", ["old", "00112233", "9" * 64])
def test_who_is_out_or_known_to_others_alone_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, said: Terminal, whom: str
) -> None:
    typed(monkeypatch, said, "y\n")
    confirm(COMMANDS["revoke"], {"node": whom})
    assert said.getvalue().startswith(f"Revoke {whom}?")


def test_who_is_out_itself_may_revoke_the_machine_that_has_its_name_now(
    monkeypatch: pytest.MonkeyPatch, said: Terminal
) -> None:
    monkeypatch.setitem(ROSTER, "out", [{"node": "mac1", "key": "00112233445566ff"}])
    typed(monkeypatch, said, "y\n")
    confirm(COMMANDS["revoke"], {"node": "mac1"})
    assert said.getvalue().startswith("Revoke mac1 (key fedcba9876543210)?")
