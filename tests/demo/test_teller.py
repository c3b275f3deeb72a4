import pytest

from multifleet.demo.teller import Teller


def test_a_command_is_shown_as_it_would_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    Teller(quiet=False).command("laptop", ("send", "mini/api", "the schema changed"))
    assert capsys.readouterr().out == '  laptop$ multifleet send mini/api "the schema changed"\n'


def test_what_a_node_printed_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Teller(quiet=False).output("one\x1b[2J\ntwo\n")
    assert capsys.readouterr().out == "    one\\u{1b}[2J\n    two\n"


def test_a_quiet_one_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(quiet=True)
    teller.act("a")
    teller.say("b")
    teller.command("c", ("d",))
    teller.output("e\n")
    assert capsys.readouterr().out == ""
