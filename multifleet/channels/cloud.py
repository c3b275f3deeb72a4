"""P0: a cloud session by a Claude Code routine, which is given the text. The text leaves the fleet: only for a user who
asked for it, or has said so in the configuration.

Every request that succeeds makes a session, and nothing tells two requests of one message apart: so each message is
told once, and what may have been told is never told again. That a session was created is all that is ever claimed.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.cloud_token import read_token
from multifleet.channels.told_once import UNKNOWN, ToldOnce
from multifleet.core.fence import fence
from multifleet.core.limits import TokenBucket
from multifleet.core.routine import Fired, RoutineAddress, fire_request, read_address, read_answer

CONNECT_SECONDS = 4.0
ANSWER_LIMIT = 64 * 1024
BUDGET = 60_000
"""UTF-16 units of one text."""
AT_ONCE, EVERY = 3, 600.0
"""Sessions that messages may make one after another, and the seconds until one more may be made."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


class CloudChannel:
    """P0."""

    name: ClassVar[str] = "cloud"

    def __init__(self) -> None:
        self._here: Here
        self._told: ToldOnce
        self._bucket = TokenBucket(AT_ONCE, 1 / EVERY)

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing is opened."""
        self._here = here
        self._told = ToldOnce(here.home / "told" / "cloud")

    def reaches(self, target: Target) -> str:
        """Only where the user has opted in."""
        settings = self._here.config.cloud
        if not settings.routine:
            return "no cloud routine is configured: see docs/cloud.md"
        if not settings.lastResort:
            return "only when you ask for it: `multifleet cloud`, or set cloud.lastResort"
        if read_address(settings.routine) is None:
            return "cloud.routine in config.json is no https address"
        return ""

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Tell a new cloud session of the messages that none was told of before."""
        if not parcel.messages:
            raise ChannelError("it cannot be tried without telling somebody")
        if why_not := self.reaches(target):
            raise ChannelError(why_not)
        told = await self._told_before(parcel.ids)
        fresh = [message for message in parcel.messages if message.id not in told]
        if not fresh:
            raise ChannelError(_before(list(told.values())))
        self._need_room(self._bucket.wait(self._here.monotonic()))
        text = fence(fresh, delimiter=self._here.random(16).hex(), budget=BUDGET).text
        fired = await self._fire_once(text, [message.id for message in fresh])
        return Carried(Success.NUDGED, where=f"a cloud session was created: {fired.url}")

    async def mend(self, target: Target) -> str:
        """Nothing is kept."""
        return "nothing is kept that could be stale"

    async def ask(self, text: str) -> Fired:
        """Make a session with this text, because the user asked for it; ChannelError says why none was made."""
        return await self._fire(self._address(), text, [])

    def _address(self) -> RoutineAddress:
        settings = self._here.config.cloud
        if not settings.routine:
            raise ChannelError("no cloud routine is configured: see docs/cloud.md")
        address = read_address(settings.routine)
        if address is None:
            raise ChannelError("cloud.routine in config.json is no https address: copy it from the routine's page")
        return address

    async def _told_before(self, ids: tuple[str, ...]) -> dict[str, str]:
        try:
            return await self._told.of(ids)
        except OSError as error:
            raise ChannelError(f"what was told before cannot be read ({error.strerror}): nothing is told") from None

    async def _fire_once(self, text: str, ids: list[str]) -> Fired:
        return await self._fire(self._address(), text, ids)

    async def _fire(self, address: RoutineAddress, text: str, ids: list[str]) -> Fired:
        token = await asyncio.to_thread(read_token, self._here.home, self._here.node)
        try:
            request = fire_request(address, token, text)
        except ValueError as error:
            raise ChannelError(str(error)) from None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await _connect(address)
        except TimeoutError:
            raise ChannelError(f"{address.host} did not answer in {CONNECT_SECONDS:g} s") from None
        except (OSError, ValueError) as error:
            raise ChannelError(f"no connection to {address.host}: {_words(error)}") from None
        try:
            await self._note(ids)
            answer = await _ask(reader, writer, request)
        finally:
            writer.transport.abort()
        fired = read_answer(answer.status, answer.body)
        if isinstance(fired, Fired):
            await self._became(ids, fired.url)
            return fired
        if not fired.unknown:
            await self._became(ids, "")
        raise ChannelError(f"{address.host}: {fired.reason}", unknown=fired.unknown)

    @staticmethod
    def _need_room(wait: float) -> None:
        if wait:
            raise ChannelError(f"a cloud session was made lately; the next one in {wait:.0f} s")

    async def _note(self, ids: list[str]) -> None:
        """It is about to be asked for: until here nothing counts, however often there was no connection."""
        if not ids:
            return
        self._need_room(self._bucket.take(self._here.monotonic()))
        try:
            await self._told.begin(ids)
        except OSError as error:
            raise ChannelError(f"it cannot be noted here ({error.strerror}): nothing is told") from None

    async def _became(self, ids: list[str], word: str) -> None:
        try:
            await self._told.end(ids, word)
        except OSError as error:
            self._here.count("cloud_note_failed", reason=error.strerror)  # it stays unknown, and is not told again


def _before(became: Sequence[str]) -> str:
    """Of all the messages: no more than what is known of each of them."""
    if UNKNOWN in became:
        return "a cloud session may have been created for it before: it is never asked for twice"
    return f"a cloud session was created for it before: {became[0]}"


async def _connect(address: RoutineAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    import ssl

    context = await asyncio.to_thread(ssl.create_default_context)
    host = address.host.strip("[]")
    return await asyncio.open_connection(host, address.port, ssl=context, limit=ANSWER_LIMIT)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> _Answer:
    """The answer to the one request; no redirection is followed, for the token is for nobody else."""
    try:
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        body = b""
        while len(body) < ANSWER_LIMIT and (more := await reader.read(ANSWER_LIMIT)):
            body += more
        status = int(head[0].split(b" ", 2)[1])
    except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError):
        raise ChannelError("the connection ended before an answer", unknown=True) from None
    if any(line.lower().replace(b" ", b"") == b"transfer-encoding:chunked" for line in head):
        body = _unchunked(body)
    return _Answer(status, body)


def _unchunked(body: bytes) -> bytes:
    """What stands in the chunks, as far as they are whole."""
    found = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            break
        found, body = found + rest[:length], rest[length + 2 :]
        if not length:
            break
    return found


def _words(error: Exception) -> str:
    reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__
    return str(reason)
