"""`multifleet mcp` over real pipes: quick, whole without a daemon, and the same answers as the daemon's own."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client as McpClient

from multifleet.mcp.protocol import INSTRUCTIONS, REQUEST_LIMIT
from multifleet.operations import OPERATIONS
from tests.stand_in import StandIn, serving
from tests.surfaces import ROOT

OFFERED = {operation.tool for operation in OPERATIONS if operation.mcp}


class Bridge:
    """The program, and one client at its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def tell(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        found: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return found

    async def ask(self, id: int, method: str, **params: Any) -> dict[str, Any]:
        self.tell(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode())
        answer = await self.hear()
        assert answer["id"] == id
        return answer

    async def call(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        result = (await self.ask(9, "tools/call", name=tool, arguments=arguments))["result"]
        return result["isError"], result["content"][0]["text"]

    async def end(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return await self.process.wait()


def environment(home: Path) -> dict[str, str]:
    return {"MULTIFLEET_HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@contextlib.asynccontextmanager
async def bridge(home: Path, *words: str, **variables: str) -> AsyncIterator[Bridge]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "multifleet", "mcp", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(home) | variables,
        limit=REQUEST_LIMIT,
    )
    try:
        async with asyncio.timeout(30):
            yield Bridge(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_without_a_daemon_it_greets_and_lists_and_a_call_says_how_to_start_one(tmp_path: Path) -> None:
    async with bridge(tmp_path) as one:
        assert (await one.ask(1, "server/discover"))["error"]["code"] == -32601
        greeted = await one.ask(2, "initialize", protocolVersion="2025-06-18")
        assert greeted["result"]["serverInfo"]["name"] == "multifleet"
        assert greeted["result"]["instructions"] == INSTRUCTIONS
        one.tell(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        listed = await one.ask(3, "tools/list")
        assert {tool["name"] for tool in listed["result"]["tools"]} == OFFERED
        failed, text = await one.call("fleet_status")
        assert failed and "multifleet" in text and len(text.splitlines()) == 1
        assert await one.end() == 0


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_sdks_client_of_both_generations_speaks_with_it(tmp_path: Path, mode: str, version: str) -> None:
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "multifleet", "mcp", "--all"], env=environment(tmp_path)
    )
    async with serving(tmp_path, StandIn()), McpClient(started, mode=mode) as client:
        assert client.protocol_version == version
        assert {tool.name for tool in (await client.list_tools()).tools} == {one.tool for one in OPERATIONS}
        result = await client.call_tool("fleet_seats", {})
    assert not result.is_error and result.structured_content is not None
    assert result.structured_content["seats"][0]["name"] == "api"


async def test_it_says_in_which_folder_its_session_works(tmp_path: Path) -> None:
    node = StandIn()
    async with serving(tmp_path, node), bridge(tmp_path, CLAUDE_PROJECT_DIR="/home/ada/größe & co/api") as one:
        assert not (await one.call("fleet_send", to="mac2", body="hi"))[0]
    assert node.asked[0][1]["sender_seat"] == "api"


async def test_what_it_cannot_read_or_does_not_offer_ends_nothing(tmp_path: Path) -> None:
    async with bridge(tmp_path) as one:
        one.tell(b"{")
        assert (await one.hear())["error"]["code"] == -32700
        one.tell(b"[" * 100_000)
        assert (await one.hear())["error"]["code"] == -32700
        one.tell(b'{"jsonrpc":"2.0","id":1,"method":"ping","x":"' + b"y" * (2 * REQUEST_LIMIT) + b'"}')
        assert (await one.hear())["error"]["code"] == -32600
        one.tell(b"")
        assert (await one.call("fleet_seats")) == (True, "there is no such tool: list the tools")
        assert await one.end() == 0


@pytest.mark.parametrize("timeout", ["Infinity", "NaN", "1e300", "-5", '"long"'])
async def test_a_call_that_would_wait_for_ever_is_refused_by_the_daemon(tmp_path: Path, timeout: str) -> None:
    arguments = f'{{"id":"019a0000-0000","wait":"seen","timeout":{timeout}}}'
    params = f'{{"name":"fleet_trace","arguments":{arguments}}}'
    async with serving(tmp_path, StandIn()), bridge(tmp_path) as one:
        one.tell(f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'.encode())
        assert (await one.hear())["result"]["isError"]


async def test_a_folder_that_is_gone_or_has_an_odd_name_is_no_reason_not_to_start(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    here = ["sh", "-c", f'cd "$1" && rmdir "$1" && exec {sys.executable} -m multifleet mcp', "sh", str(odd)]
    for words in (here, [sys.executable, "-m", "multifleet", "mcp"]):
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment(tmp_path) | ({} if words is here else {"CLAUDE_PROJECT_DIR": str(odd)}),
        )
        said, _ = await process.communicate(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        assert json.loads(said)["result"] == {}


async def test_a_call_that_waits_holds_no_other_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(home / "socket"))
        frozen.listen()
        async with bridge(home) as one:
            call = {"name": "fleet_send", "arguments": {"to": "mac2", "body": "x"}}
            one.tell(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode())
            taken, _ = await asyncio.get_running_loop().run_in_executor(None, frozen.accept)
            with taken:
                assert (await one.ask(2, "ping"))["result"] == {}


async def test_a_daemon_that_knows_no_mcp_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_unix_server(old, tmp_path / "socket")
    async with server, bridge(tmp_path) as one:
        failed, text = await one.call("fleet_status")
    assert failed and "multifleet down" in text


async def test_it_loads_neither_operations_nor_an_event_loop(tmp_path: Path) -> None:
    code = "import sys; from multifleet.cli.main import main; main(['mcp']); print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environment(tmp_path),
    )
    out, _ = await process.communicate()
    loaded = set(out.decode().split())
    assert process.returncode == 0
    assert loaded & {"asyncio", "mcp", "msgspec", "pydantic", "multifleet.operations", "multifleet.node"} == set()
