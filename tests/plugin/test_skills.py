"""The printed slash commands."""

import json
import re

import pytest

from multifleet.operations import OPERATIONS, Operation
from multifleet.plugin.skills import GUIDANCE, guidance_of, skill

PRINTED = [operation for operation in OPERATIONS if operation.slash]
FIELDS = {"name", "description", "argument-hint", "disable-model-invocation", "allowed-tools"}


@pytest.mark.parametrize("operation", PRINTED, ids=lambda operation: operation.name)
def test_a_skill_has_the_head_that_clients_read(operation: Operation) -> None:
    _, head, body = skill(operation).split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    when, _ = guidance_of(operation)
    assert fields.keys() == (FIELDS - {"disable-model-invocation"} if when else FIELDS)
    assert fields["name"] == operation.slash_command
    assert json.loads(fields["description"]) == (when or operation.summary), "a colon in it would break the head"
    assert f"`{operation.tool}`" in body and f"multifleet {operation.name}" in body


@pytest.mark.parametrize("operation", PRINTED, ids=lambda operation: operation.name)
def test_a_skill_runs_nothing_by_being_typed(operation: Operation) -> None:
    text = skill(operation)
    assert not re.search(r"^\s*!`", text, re.MULTILINE)
    assert text.count("$ARGUMENTS") == 1


def test_what_programs_ask_has_no_slash_command() -> None:
    assert not {"hook", "receive"} & {operation.name for operation in PRINTED}


def test_every_page_of_guidance_belongs_to_a_command() -> None:
    assert {page.stem for page in GUIDANCE.iterdir()} <= {operation.slash_command for operation in PRINTED}
