"""Skills and agents for models: each says what it must, and names nothing that is not there. What they tell to type is
typed in tests/fleet/test_skills.py.
"""

import io
import json
import re
from pathlib import Path

import pytest

from multifleet.cli.arguments import HelpWanted, read_arguments
from multifleet.cli.commands import COMMANDS
from multifleet.operations import OPERATIONS
from multifleet.plugin.skills import for_models
from tests.docs_pages import MODELS_PAGES, ROOT, blocks, commands

AGENTS = {path.stem for path in ROOT.glob("agents/*.md")}
WANTED = {
    *("using-multi-fleet", "fleet-send", "fleet-ack", "fleet-status", "fleet-check", "fleet-repair", "fleet-wake"),
    *("fleet-tunnel", "fleet-security", "fleet-protocol", "fleet-healer", "fleet-coordinator", "fleet-worker"),
}
LONGEST_DESCRIPTION = 260
"""Characters: each is in the context of every session."""


@pytest.fixture(scope="module", params=sorted(MODELS_PAGES))
def page(request: pytest.FixtureRequest) -> Path:
    return MODELS_PAGES[request.param]


def test_the_skills_and_agents_are_those_that_a_model_is_offered() -> None:
    assert set(MODELS_PAGES) == WANTED == {*for_models(), *AGENTS}


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


def test_every_block_of_a_skill_a_command_or_an_agent_is_one_that_is_typed() -> None:
    for path in (*ROOT.glob("skills/*/SKILL.md"), *ROOT.glob("commands/*.md"), *ROOT.glob("agents/*.md")):
        fences = re.findall(r"^[ >]*(?:```|~~~)(.*)$", path.read_text(), re.MULTILINE)
        assert fences == ["sh", ""] * (len(fences) // 2), path
        assert not fences or path in MODELS_PAGES.values(), path


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
