"""The real client starts on a host, answers from the mock, and is gone with it."""

from collections.abc import Iterator

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.client_install import clients_folder
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.real_claude]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Lab(["mac1"], expose=[clients_folder()]) as lab:
        yield lab.hosts[0]


def test_an_interactive_session_is_registered_and_answers(host: Host) -> None:
    with mock_api_on(host) as api, ClaudeOnHost(host, api) as claude:
        api.when("PING", {"text": "the mock says PONG"})
        claude.prompt("PING please")
        claude.wait_screen("PONG")
        wait_for(lambda: {"user", "assistant"} <= {record["type"] for record in claude.transcript()})
    assert not claude.alive


def test_one_question_is_answered_without_a_session(host: Host) -> None:
    with mock_api_on(host) as api:
        api.when("PING", {"text": "the mock says PONG"})
        assert "PONG" in ClaudeOnHost(host, api).ask("PING please")
        assert api.wait_for("PING please")["model"]
