"""Asks the daemon from asyncio, over its Unix socket, one request a connection; for programs in Python.

It never decides anything: what the daemon says is handed on as it came.
"""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from multifleet import local_http
from multifleet.errors import MultifleetError, NotRunning, TooLarge
from multifleet.operations.operation import Operation
from multifleet.paths import home_path, is_foreign, socket_path

DEFAULT_TIMEOUT = 15.0
"""Seconds that the daemon has to answer, beyond what it was asked to wait."""


class Refused(MultifleetError):
    """The daemon refused; the message is its own."""


@dataclass(frozen=True, slots=True)
class Client:
    """A caller of the daemon of one home."""

    home: Path = field(default_factory=home_path)

    async def call(self, operation: Operation, values: dict[str, Any]) -> dict[str, Any]:
        """The result as JSON; NotRunning or Refused in one line that says what to do."""
        patience = DEFAULT_TIMEOUT + float(values.get("timeout") or _waits(operation))
        request = local_http.request_for(operation.method, operation.path, values)
        if len(request) > operation.body_limit:  # the daemon would not read it, and its answer could be lost
            raise TooLarge(f"{operation.name} takes at most {operation.body_limit} bytes: send less at a time")
        try:
            async with asyncio.timeout(patience):
                status, answer = await self._exchange(request)
        except TimeoutError:
            raise NotRunning(f"the daemon did not answer in {patience:g} s: see `multifleet doctor`") from None
        if status >= 400:
            raise Refused(local_http.reason(status, answer))
        found: dict[str, Any] = json.loads(answer)
        return found

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        place = str(socket_path(self.home))
        if is_foreign(place, str(self.home)):
            raise NotRunning(f"{place} lies in another user's folder: set MULTIFLEET_HOME to a shorter path")
        try:
            reader, writer = await asyncio.open_unix_connection(place)
        except OSError:
            raise NotRunning("the multifleet daemon is not running: start it with `multifleet up`") from None
        try:
            writer.write(request)
            answer = await reader.read(-1)  # the daemon closes after its answer
            head = local_http.head_of(answer)
        except (OSError, local_http.BadAnswer) as error:
            raise Refused(f"the daemon broke the connection off ({error}): try again") from None
        finally:
            writer.close()
        if head is None or len(answer) < head[1] + head[2]:
            raise Refused("the daemon broke the connection off: try again")
        return head[0], answer[head[1] : head[1] + head[2]]


def _waits(operation: Operation) -> float:
    """Seconds that the operation waits for something where it is not told how long."""
    waits = next((one.default for one in msgspec.structs.fields(operation.request) if one.name == "timeout"), 0.0)
    return waits if isinstance(waits, float) else 0.0
