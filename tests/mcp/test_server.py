"""The MCP server, asked by the SDK's own client and over real pipes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client as McpClient
from mcp_types import TextContent

from multifleet.client import Client
from multifleet.errors import UnknownNode
from multifleet.mcp.server import INSTRUCTIONS, server
from multifleet.operations import OPERATIONS
from tests.stand_in import ID
from tests.surfaces import ROOT, Surfaces, surfaces_of

OFFERED = [operation for operation in OPERATIONS if operation.mcp]


@pytest.fixture
async def surfaces(tmp_path: Path) -> AsyncIterator[Surfaces]:
    async with surfaces_of(tmp_path) as found:
        yield found


async def call(home: Path, tool: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    async with McpClient(server(OFFERED, Client(home))) as mcp:
        result = await mcp.call_tool(tool, arguments)
    [content] = result.content
    assert isinstance(content, TextContent)
    return bool(result.is_error), content.text


async def test_it_offers_the_tools_that_agents_need(tmp_path: Path) -> None:
    async with McpClient(server(OFFERED, Client(tmp_path))) as mcp:
        names = {tool.name for tool in (await mcp.list_tools()).tools}
    assert {"fleet_send", "fleet_reply", "fleet_inbox", "fleet_read", "fleet_trace", "fleet_doctor"} <= names
    assert "fleet_hook" not in names


async def test_a_wait_in_a_trace_is_handed_on(surfaces: Surfaces) -> None:
    failed, text = await call(surfaces.home, "fleet_trace", {"id": ID, "wait": "seen", "timeout": 5})
    assert not failed and json.loads(text)["reached"] is True
    assert surfaces.node.asked == [("wait", (ID, "seen", 5.0, None))]


async def test_without_a_daemon_a_tool_says_how_to_start_one(tmp_path: Path) -> None:
    assert await call(tmp_path, "fleet_status", {}) == (
        True,
        "the multifleet daemon is not running: start it with `multifleet up`",
    )


async def test_a_refusal_is_a_tool_error_on_one_line(surfaces: Surfaces) -> None:
    surfaces.node.messages.refusal = UnknownNode("no node mac9\nin this fleet")
    failed, text = await call(surfaces.home, "fleet_send", {"to": "mac9", "body": "hi"})
    assert failed
    assert text == "no node mac9 in this fleet"


@pytest.mark.parametrize(
    "tool, arguments",
    [
        ("fleet_send", {"to": "mac2", "body": "hi", "colour": "red"}),
        ("fleet_send", {"body": "hi"}),
        ("fleet_trace", {}),
        ("fleet_trace", {"id": "../../x"}),
        ("fleet_inbox", {"limit": 0}),
        ("fleet_nothing", {}),
    ],
)
async def test_arguments_that_do_not_fit_are_an_error_of_the_tool(
    surfaces: Surfaces, tool: str, arguments: dict[str, Any]
) -> None:
    failed, text = await call(surfaces.home, tool, arguments)
    assert failed and text
    assert surfaces.node.asked == []


async def test_a_model_cannot_claim_to_be_a_person(surfaces: Surfaces) -> None:
    failed, text = await call(surfaces.home, "fleet_send", {"to": "mac2", "body": "hi", "authority": "human"})
    assert failed and "authority" in text
    assert surfaces.node.asked == []


def test_the_instructions_teach_every_state_in_ten_lines() -> None:
    assert len(INSTRUCTIONS.splitlines()) <= 13
    for state in ("queued", "sent", "stored", "offered", "seen", "answered", "held", "refused", "expired"):
        assert state in INSTRUCTIONS


async def test_over_pipes_an_unknown_method_is_answered_before_the_greeting(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "multifleet",
        "mcp",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"MULTIFLEET_HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin and process.stdout

    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin and process.stdout
        request = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await process.stdout.readline())
        assert answer["id"] == method
        return answer

    greeting = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    async with asyncio.timeout(30):
        assert (await ask("server/discover", {})).keys() & {"result", "error"}
        greeted = await ask("initialize", greeting)
        assert greeted["result"]["serverInfo"]["name"] == "multifleet"
        assert greeted["result"]["instructions"] == INSTRUCTIONS
        process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        listed = await ask("tools/list", {})
        assert {tool["name"] for tool in listed["result"]["tools"]} == {operation.tool for operation in OFFERED}
        process.stdin.close()
        assert await process.wait() == 0
