"""The printed slash commands: skills that a model is offered, commands that only people start."""

import json
import re

import pytest

from multifleet.operations import OPERATIONS, Operation
from multifleet.plugin.skills import GUIDANCE, guidance_of, place, slash_command
from tests.docs_pages import ROOT

PRINTED = [operation for operation in OPERATIONS if operation.slash]
OF_BOTH = {"description", "argument-hint", "allowed-tools"}


@pytest.mark.parametrize("operation", PRINTED, ids=lambda operation: operation.name)
def test_a_slash_command_has_the_head_that_clients_read(operation: Operation) -> None:
    _, head, body = slash_command(operation).split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    when, _ = guidance_of(operation)
    assert fields.keys() == OF_BOTH | {"name" if when else "disable-model-invocation"}
    assert fields.get("name", operation.slash_command) == operation.slash_command
    assert json.loads(fields["description"]) == (when or operation.summary), "a colon in it would break the head"
    assert f"`{operation.tool}`" in body and f"multifleet {operation.name}" in body


@pytest.mark.parametrize("operation", PRINTED, ids=lambda operation: operation.name)
def test_a_slash_command_runs_nothing_by_being_typed(operation: Operation) -> None:
    text = slash_command(operation)
    assert not re.search(r"^\s*!`", text, re.MULTILINE)
    assert text.count("$ARGUMENTS") == 1


def test_no_name_is_a_skill_and_a_command_and_only_a_skill_is_offered_to_a_model() -> None:
    skills = {path.parent.name: path for path in ROOT.glob("skills/*/SKILL.md")}
    commands = {path.stem: path for path in ROOT.glob("commands/*.md")}
    assert not skills.keys() & commands.keys()
    typed_alone = {name for name, path in (skills | commands).items() if "disable-model-invocation" in path.read_text()}
    assert typed_alone == set(commands)
    assert {ROOT / place(operation) for operation in PRINTED} <= {*skills.values(), *commands.values()}


def test_what_programs_ask_has_no_slash_command() -> None:
    assert not {"hook", "receive"} & {operation.name for operation in PRINTED}


def test_every_page_of_guidance_belongs_to_a_command() -> None:
    assert {page.stem for page in GUIDANCE.iterdir()} <= {operation.slash_command for operation in PRINTED}
