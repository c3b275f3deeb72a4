"""The printed slash commands."""

import re

import pytest

from multifleet.operations import OPERATIONS, Operation
from multifleet.plugin.skills import skill

PRINTED = [operation for operation in OPERATIONS if operation.slash]
FIELDS = {"name", "description", "argument-hint", "disable-model-invocation", "allowed-tools"}


@pytest.mark.parametrize("operation", PRINTED, ids=lambda operation: operation.name)
def test_a_skill_has_the_head_that_clients_read(operation: Operation) -> None:
    _, head, body = skill(operation).split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields.keys() == FIELDS
    assert fields["name"] == operation.slash_command
    assert fields["description"] == f'"{operation.summary}"', "a colon in it would break the head"
    assert f"`{operation.tool}`" in body and f"multifleet {operation.name}" in body


@pytest.mark.parametrize("operation", PRINTED, ids=lambda operation: operation.name)
def test_a_skill_runs_nothing_by_being_typed(operation: Operation) -> None:
    text = skill(operation)
    assert not re.search(r"^\s*!`", text, re.MULTILINE)
    assert text.count("$ARGUMENTS") == 1


def test_what_programs_ask_has_no_slash_command() -> None:
    assert not {"hook", "receive"} & {operation.name for operation in PRINTED}
