"""Skills and agents, taken at their word: what they tell a model to type is typed, in a fleet of two."""

import io
import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.cli.arguments import HelpWanted, read_arguments
from multifleet.cli.commands import COMMANDS
from multifleet.demo.fleet_node import DemoFailed
from multifleet.demo.places import choose_places
from multifleet.operations import OPERATIONS
from multifleet.plugin.skills import for_models
from tests.docs_pages import ROOT, Typed, blocks, commands
from tests.typed_fleet import TypedFleet

SKILLS = {path.parent.name: path for path in ROOT.glob("skills/*/SKILL.md")}
AGENTS = {path.stem: path for path in ROOT.glob("agents/*.md")}
PAGES = {name: path for name, path in (SKILLS | AGENTS).items() if "disable-model-invocation" not in path.read_text()}
WANTED = {
    *("using-multi-fleet", "fleet-send", "fleet-ack", "fleet-status", "fleet-check", "fleet-repair", "fleet-wake"),
    *("fleet-tunnel", "fleet-security", "fleet-protocol", "fleet-healer", "fleet-coordinator", "fleet-worker"),
}
LONGEST_DESCRIPTION = 260
"""Characters: each is in the context of every session."""


@pytest.fixture(scope="module", params=sorted(PAGES))
def page(request: pytest.FixtureRequest) -> Path:
    return PAGES[request.param]


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[TypedFleet]:
    places = choose_places(hosts=("127.0.0.1", "192.0.2.77"))
    fleet = TypedFleet(tmp_path, dict(zip(("mac1", "mac2"), places, strict=True)))
    try:
        for line in (
            "mac1 init --node mac1",
            "mac1 up",
            "mac1 invite",
            "mac2 init --node mac2",
            "mac2 join CODE",
            "mac2 up",
        ):
            await fleet.type(typed(*line.split()))
        await fleet.type(typed("mac2", "seat", "bind", "api", str(tmp_path)))
        yield fleet
    finally:
        await fleet.end()


def typed(node: str, *words: str) -> Typed:
    return Typed(node, ("multifleet", *words))


@pytest.mark.timeout(240)
async def test_every_command_of_every_page_does_what_the_page_is_about(fleet: TypedFleet) -> None:
    for path in PAGES.values():
        await fleet.type(typed("mac2", "send", "mac1", "on which commit are you?", "--wait", "stored"))
        for line in "".join(blocks(path, "sh")).splitlines():
            words = tuple(shlex.split(line))
            if words[1] == "verify":  # nobody has signed what is asked about, and its exit status says so
                with pytest.raises(DemoFailed, match=r"`multifleet verify` ended with 1$"):
                    await fleet.type(Typed("mac1", words))
            else:
                await fleet.type(Typed("mac1", words))


def test_the_skills_and_agents_are_those_that_a_model_is_offered() -> None:
    assert set(PAGES) == WANTED == {*for_models(), *AGENTS}


def test_a_page_says_when_it_applies_what_may_fail_and_when_not(page: Path) -> None:
    _, head, body = page.read_text().split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields["name"] == (page.parent.name if page.name == "SKILL.md" else page.stem)
    description = json.loads(fields["description"])
    assert description.startswith("Use ") and len(description) <= LONGEST_DESCRIPTION
    if page.name == "SKILL.md":
        titles = " ".join(re.findall(r"^#+ (.+)$", body, re.MULTILINE)).lower()
        assert "when not" in titles or "does not apply" in titles
        assert any(
            word in titles for word in ("if it fails", "does not work", "a finding means", "does not fit", "least")
        )
    assert blocks(page, "sh"), "a page without a command is not acted on"
    assert "!`" not in body, "nothing may run by being read"


def test_what_a_page_names_exists(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    for words in commands(page):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), None)
        assert name is not None, words
        rest = words[len(name.split()) :]
        if len(rest) >= sum(field.required for field in COMMANDS[name].fields):
            try:
                read_arguments(COMMANDS[name], [word for word in rest if not word.startswith("[")])
            except HelpWanted:
                pass  # --help is an option of every command
    known = {f"mcp__plugin_multifleet_fleet__{operation.tool}" for operation in OPERATIONS}
    assert set(re.findall(r"mcp__\w+", page.read_text())) <= known
