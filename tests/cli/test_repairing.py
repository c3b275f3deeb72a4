"""`repair` on the command line: its exit status, and the home for which it works after a login."""

import json
from pathlib import Path

import pytest

from multifleet.cli import repairing
from multifleet.cli.commands import COMMANDS
from multifleet.cli.shape import Failed
from multifleet.paths import home_folder


@pytest.mark.parametrize(("refused", "status"), [(None, 0), ("refused: mac2 was turned to three times", 1)])
def test_what_was_refused_ends_with_a_status_that_says_so(
    refused: str | None, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"cases": [], "refused": refused, "commands": [], "done": "http: closed\nL3: daemon: it is up again"}
    monkeypatch.setattr(repairing, "ask", lambda *words, **more: json.dumps(answer).encode())
    assert repairing.run("repair", COMMANDS["repair"], {"node": "mac2"}, False) == status
    said = capsys.readouterr().out
    assert said.startswith("http: closed\nL3: daemon: it is up again\n")
    assert "it is up again" in said and (refused or "nothing needs repair any more") in said


def test_after_a_login_the_home_that_is_named_is_meant_and_no_other_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", "")
    with pytest.raises(Failed, match="no home of a node"):
        repairing._go_home(f"home {tmp_path}\n".encode())
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "identity.json").write_text('{"node": "mac2"}')
    tmp_path.chmod(0o700)
    repairing._go_home(f"home {tmp_path}\n".encode())
    assert home_folder() == str(tmp_path)
    repairing._go_home(b"home /srv/other\n")
    assert home_folder() == str(tmp_path), "as this login's user, or its remote_command, has said"
