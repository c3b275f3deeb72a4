"""One operation, asked for through every surface, gives one answer; and every operation is documented."""

import re
import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mcp.client.client import Client as McpClient

from multifleet import local_http
from multifleet.operations import OPERATIONS, Operation
from multifleet.operations.fields import described
from multifleet.plugin import skills
from scripts import printing
from tests.stand_in import ID
from tests.surfaces import Surfaces, surfaces_of

SENT = {"id": ID, "state": "queued", "to": "mac2/api", "reason": "mac2 is asleep"}
ASKED = {
    "to": "mac2/api",
    "body": "the schema changed",
    "type": "alert",
    "subject": None,
    "urgency": "next-turn",
    "thread": None,
    "reply_to": None,
    "expires_in": 60.0,
    "sender_seat": None,
    "id": None,
    "signature": None,
    "signed_at": None,
    "smart": False,
}
VALUES = {"to": "mac2/api", "body": "the schema changed", "type": "alert", "expires": 60.0}


@pytest.fixture
async def surfaces(tmp_path: Path) -> AsyncIterator[Surfaces]:
    async with surfaces_of(tmp_path) as found:
        yield found


async def test_http_hands_a_message_over(surfaces: Surfaces) -> None:
    status, answer = await surfaces.http("POST", "/message", VALUES)
    assert (status, answer) == (202, SENT)
    assert surfaces.node.asked == [("send", ASKED)]


async def test_mcp_hands_a_message_over(surfaces: Surfaces) -> None:
    async with McpClient(f"http://127.0.0.1:{surfaces.port}/mcp") as mcp:
        result = await mcp.call_tool("fleet_send", VALUES)
    assert result.structured_content == SENT
    assert surfaces.node.asked == [("send", ASKED)]


async def test_the_command_line_hands_a_message_over(surfaces: Surfaces) -> None:
    words = ["send", "mac2/api", "the schema changed", "--type", "alert", "--expires=60", "--json"]
    ran = await surfaces.cli(*words)
    assert (ran.status, ran.json) == (0, SENT)
    assert surfaces.node.asked == [("send", ASKED)]


async def test_http_takes_the_nested_form_of_the_quick_start(surfaces: Surfaces) -> None:
    nested = {"type": "context", "to": "mac1", "payload": {"body": "Hello from mac2", "subject": "hi"}}
    status, answer = await surfaces.http("POST", "/message", nested)
    assert (status, answer["id"]) == (202, ID)
    [(_, asked)] = surfaces.node.asked
    assert (asked["to"], asked["body"], asked["subject"]) == ("mac1", "Hello from mac2", "hi")


@pytest.mark.parametrize(
    "texts", [{}, {"body": "a", "payload": {"body": "b"}}, {"subject": "s", "payload": {"body": "b"}}]
)
async def test_http_refuses_a_message_with_no_text_or_with_two(surfaces: Surfaces, texts: dict[str, Any]) -> None:
    status, answer = await surfaces.http("POST", "/message", {"to": "mac1"} | texts)
    assert (status, answer["error"]["code"]) == (400, "bad_input")
    assert surfaces.node.asked == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_an_answer_over_http_has_the_form_of_its_result(surfaces: Surfaces, operation: Operation) -> None:
    values = _example(operation)
    request = local_http.request_for(operation.method, operation.path, values)
    status, answer = await surfaces.exchange(request)
    assert status == operation.status
    msgspec.json.decode(answer, type=operation.result)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_documented(operation: Operation) -> None:
    assert re.fullmatch(r"[A-Z].*[a-z]\.", operation.summary)
    for struct in (operation.request, operation.result):
        for field in described(struct):
            assert field.help.endswith("."), f"{struct.__name__}.{field.name} is not described by a sentence"


def test_no_two_operations_share_a_name_or_an_address() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({operation.http for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_special_fields_of_an_operation_exist(operation: Operation) -> None:
    names = {field.name for field in described(operation.request)}
    slots = set(re.findall(r"\{(\w+)\}", operation.path))
    special = {*operation.positional, *operation.http_only, *operation.quiet, *operation.needed} | slots
    assert special <= names


def test_every_printed_file_is_what_the_printer_prints() -> None:
    generate = runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "generate.py"))
    differing = [str(path) for path, text in generate["printed"]() if printing.read(path) != text]
    assert differing == [], "run scripts/generate.py"


def test_no_printed_command_is_left_over() -> None:
    root = Path(__file__).parent.parent
    found = {path for path in root.glob("skills/*/SKILL.md") if "Printed by" in path.read_text()}
    assert {*found, *root.glob("commands/*")} == {root / path for path, _ in skills.printed()}


def _example(operation: Operation) -> dict[str, Any]:
    filled = {
        "to": "mac2",
        "node": "mac2",
        "body": "text",
        "text": "text",
        "id": ID[:8],
        "name": "api",
        "folder": "/home",
        "code": "CODE",
        "event": "Stop",
        "session_id": "s1",
        "session": "s1",
        "cwd": "/home",
        "frame": "aGVsbG8=",
        "what": "context",
    }
    wanted = [f.name for f in described(operation.request) if f.required or f.name in operation.needed]
    return {name: filled[name] for name in wanted}
