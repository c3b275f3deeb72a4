"""The throwaway pipelines' side for local clients: POST /message on a Unix socket, answered once it is durable."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web


async def serve_messages(stack: AsyncExitStack, socket: Path, accept: Callable[[str], Awaitable[None]]) -> None:
    """Listen until the stack is closed."""

    async def take(request: web.BaseRequest) -> web.Response:
        await accept(json.loads(await request.read())["body"])
        return web.json_response({"state": "queued"}, status=202)

    runner = web.ServerRunner(web.Server(take, access_log=None))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.UnixSite(runner, str(socket)).start()
