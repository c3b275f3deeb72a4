"""The documentation, taken at its word: what it tells to type is typed, what it quotes is looked up."""

import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from multifleet.cli.arguments import HelpWanted, read_arguments
from multifleet.cli.commands import COMMANDS
from multifleet.config import Config
from multifleet.demo.places import choose_places
from multifleet.plugin import manifests
from tests.docs_pages import PAGES, ROOT, Typed, blocks, commands, headings, links, name_of, sentences, session
from tests.typed_fleet import TypedFleet

SESSIONS = [page for page in PAGES if session(page)]


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[TypedFleet]:
    """mac1 and mac2 on one address, so that what is sent to 127.0.0.1 reaches either."""
    places = choose_places(hosts=("127.0.0.1", "192.0.2.77"))
    fleet = TypedFleet(tmp_path, dict(zip(("mac1", "mac2"), places, strict=True)))
    try:
        yield fleet
    finally:
        await fleet.end()


@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
async def test_what_a_page_tells_to_type_works_word_for_word(page: Path, fleet: TypedFleet) -> None:
    for typed in session(page):
        await fleet.type(typed)


async def test_the_readme_brings_the_first_message_over(fleet: TypedFleet) -> None:
    for typed in session(ROOT / "README.md"):
        await fleet.type(typed)
    arrived = json.loads(await fleet.type(Typed("mac2", ("multifleet", "inbox", "--json"))))["messages"]
    assert [(message["from"], message["body"]) for message in arrived] == [("mac1", "the schema changed, rebase")]
    waited = Typed("mac2", ("multifleet", "trace", "ID", "--wait", "stored", "--json"))
    assert json.loads(await fleet.type(waited))["state"] == "stored"


def test_the_readme_makes_a_fleet_in_six_commands() -> None:
    before_the_first_message = []
    for typed in session(ROOT / "README.md"):
        if typed.words[1] == "send":
            break
        before_the_first_message.append(typed)
    assert len(before_the_first_message) == 6


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, heading in links(page):
        assert target.exists(), f"{target} is not there"
        assert not heading or heading in headings(target), f"{name_of(target)} has no heading {heading}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_is_named_exists_with_its_options(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))  # what '-' stands for
    for words in commands(page):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), None)
        assert name is not None, words
        rest = words[len(name.split()) :]
        if len(rest) < sum(field.required for field in COMMANDS[name].fields):
            continue  # only the command is named
        try:
            read_arguments(COMMANDS[name], rest)
        except HelpWanted:
            pass  # --help is an option of every command


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {target for target, _ in links(ROOT / "README.md")}
    assert {page for page in PAGES if page.name != "README.md"} <= linked


def test_troubleshooting_quotes_what_the_program_says() -> None:
    said = [sentence.replace("'\u2026'", "\u2026") for sentence in sentences()]
    page = (ROOT / "docs/troubleshooting.md").read_text().partition("## What a message")[0]
    quoted = re.findall(r"^\| (?!---|it said)(.+?) \| .+ \| .+ \|$", page, re.MULTILINE)
    assert len(quoted) > 15
    for quotation in quoted:
        assert any(quotation.rstrip("\u2026 ") in sentence for sentence in said), quotation


def test_examples_of_the_configuration_are_ones() -> None:
    examples = blocks(ROOT / "docs/configuration.md", "json")
    assert examples
    for example in examples:
        assert msgspec.json.decode(example, type=Config).nodes


def test_the_plugin_is_installed_under_its_own_name() -> None:
    marketplace = json.loads(manifests.marketplace())
    known = f"{marketplace['plugins'][0]['name']}@{marketplace['name']}"
    for page in ("README.md", "docs/getting-started.md"):
        assert f"claude plugin install {known}\n" in (ROOT / page).read_text()


def test_the_first_two_commands_are_there() -> None:
    for command in blocks(ROOT / "README.md", "sh")[0].split("\n")[:2]:
        assert (ROOT / command.split()[0]).stat().st_mode & 0o111
