"""The port for frames alone: without it the node is well, and somebody should know."""

import asyncio

from multifleet.node.checks import port
from multifleet.node.checks.finding import Level


async def test_a_port_for_relayed_frames_that_is_taken_is_a_warning() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nok\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        where = server.sockets[0].getsockname()
        assert (await port.serving("mac1", [where])).level is Level.OK
        found = await port.serving("mac1", [where], 1)
        assert found.level is Level.WARN
        assert "port 1 for relayed frames is taken" in found.says and "relayPort" in (found.remedy or "")
