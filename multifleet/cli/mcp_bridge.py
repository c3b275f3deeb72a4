"""`mcp`: an MCP server on standard input and output that hands each call to the daemon, and knows the rest by itself.

A client waits for it at the start of each session, so it loads no operation and no SDK: the tools stand in a printed
file. It answers also where no daemon runs; then it is the calls that say how to start one.
"""

import json
import os
import sys
import threading

from multifleet import local_http
from multifleet.cli.daemon import SOON, TIMEOUT, exchange_once_up
from multifleet.cli.shape import Failed
from multifleet.core.visible import visible
from multifleet.mcp import protocol
from multifleet.mcp.protocol import INVALID, NOT_JSON, REQUEST_LIMIT, Call, failure, handle

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost every session 6 ms
    from collections.abc import Iterator
    from typing import Any, BinaryIO

AT_ONCE = 32
"""Calls that wait for the daemon; more are refused."""
LONGEST = 24 * 3600
"""Seconds that a call may ask the daemon to wait; it refuses more by itself."""
LAST_SECONDS = 2.0
"""For what the daemon is still asked when the client closes standard input."""
OTHER_VERSION = "the daemon is of another version than this program: `multifleet down`, then `multifleet up`"


class Bridge:
    """One client, over two streams."""

    def __init__(self, output: "BinaryIO", *, every: bool) -> None:
        with open(os.path.join(os.path.dirname(protocol.__file__), "tools.json"), "rb") as file:
            listed = json.load(file)
        self._tools: list[dict[str, Any]] = listed["usual"] + (listed["others"] if every else [])
        self._by_name = {tool["name"]: tool for tool in self._tools}
        self._path = f"/mcp?all={str(every).lower()}&folder={local_http.quote(_folder())}"
        self._output = output
        self._writing = threading.Lock()
        self._calls: set[threading.Thread] = set()

    def take(self, line: bytes) -> None:
        """Answer a line, now or when the daemon has; nothing that it holds ends the bridge."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._write(failure(None, NOT_JSON, "a line that is not JSON"))
            return
        found = handle(message, self._tools)
        if isinstance(found, Call):
            self._begin(found, line)
        elif found is not None:
            self._write(found)

    def too_long(self) -> None:
        """Answer a line of which only the beginning was read."""
        self._write(failure(None, INVALID, f"a message has at most {REQUEST_LIMIT} bytes"))

    def finish(self) -> None:
        """Let the calls end that are about to."""
        left = LAST_SECONDS / max(1, len(self._calls))
        for thread in list(self._calls):
            thread.join(left)

    def _begin(self, call: Call, line: bytes) -> None:
        if call.name not in self._by_name:
            self._write(call.answer("there is no such tool: list the tools"))
        elif len(self._calls) >= AT_ONCE:
            self._write(call.answer(f"{AT_ONCE} calls are under way: wait for one of them"))
        else:
            thread = threading.Thread(target=self._carry, args=(call, line), daemon=True)
            self._calls.add(thread)
            thread.start()

    def _carry(self, call: Call, line: bytes) -> None:
        try:
            self._write(self._ask(call, line))
        except BrokenPipeError:
            pass  # the client has gone, and nobody is left to answer
        finally:
            self._calls.discard(threading.current_thread())

    def _ask(self, call: Call, line: bytes) -> "bytes | dict[str, Any]":
        tool = self._by_name[call.name]
        waits = call.arguments.get("timeout", tool["inputSchema"]["properties"].get("timeout", {}).get("default"))
        patience = TIMEOUT + (waits if isinstance(waits, int | float) and 0 <= waits <= LONGEST else 0)
        soon = SOON if tool["annotations"]["readOnlyHint"] else patience
        try:
            status, answer = exchange_once_up(local_http.request("POST", self._path, line), patience, soon)
        except (Failed, OSError) as error:
            return call.answer(visible(str(error), one_line=True))
        if status == 200:
            return answer
        return call.answer(OTHER_VERSION if status == 404 else visible(_reason(status, answer), one_line=True))

    def _write(self, response: "bytes | dict[str, Any]") -> None:
        line = response if isinstance(response, bytes) else json.dumps(response, separators=(",", ":")).encode()
        with self._writing:
            self._output.write(line + b"\n")
            self._output.flush()


def run(*, as_json: bool = False, all: bool = False) -> int:
    """Serve until the client closes standard input; exit status 0."""
    bridge = Bridge(sys.stdout.buffer, every=all)
    for line in _lines(sys.stdin.buffer):
        if line is None:
            bridge.too_long()
        elif line.strip():
            bridge.take(line)
    bridge.finish()
    return 0


def _folder() -> str:
    """Where the client's session works, as far as it can be said in UTF-8; empty where that folder is gone."""
    try:
        folder = os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()
    except OSError:
        return ""
    return os.fsencode(folder).decode(errors="replace")


def _lines(source: "BinaryIO") -> "Iterator[bytes | None]":
    """The lines, and None for one that is too long."""
    while line := source.readline(REQUEST_LIMIT):
        if line.endswith(b"\n") or len(line) < REQUEST_LIMIT:
            yield line
            continue
        while (rest := source.readline(REQUEST_LIMIT)) and not rest.endswith(b"\n"):
            pass
        yield None


def _reason(status: int, answer: bytes) -> str:
    """Why the daemon did not take it, in the protocol's form or in its own."""
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return local_http.reason(status, answer)
