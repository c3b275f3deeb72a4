"""Skills and agents, taken at their word: every command that they tell a model to type is typed, on two hosts."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs_pages import ID, MODELS_PAGES, blocks
from tests.lab.fleet import Fleet
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def shared_fleet() -> Iterator[Fleet]:
    with Fleet() as fleet:
        fleet.found()
        fleet["mac2"].cli("seat", "bind", "api", "/srv/data")
        yield fleet


@pytest.mark.parametrize("page", MODELS_PAGES.values(), ids=MODELS_PAGES.keys())
def test_every_command_does_what_the_page_is_about(fleet: Fleet, page: Path) -> None:
    mac1, mac2 = fleet.nodes
    message = mac2.ask("send", "mac1", "on which commit are you?", "--wait", "stored")["id"]
    told: set[str] = set()
    for line in "".join(blocks(page, "sh")).splitlines():
        program, *words = shlex.split(line)
        assert program == "multifleet"
        done = mac1.cli(*(message if word == "ID" else word for word in words), check=False, timeout=60)
        # Nobody has signed what is asked about, and the exit status says so.
        assert done.stdout.strip() and done.returncode == (words[0] == "verify"), (line, done.stdout, done.stderr)
        if words[0] in ("send", "reply"):
            told.add(words[2])
        if words[0] == "send" and (sent := ID.search(done.stdout)):
            message = sent[0]
    wait_for(lambda: told <= {message["body"] for message in mac2.inbox()}, what=f"{told} on mac2")
