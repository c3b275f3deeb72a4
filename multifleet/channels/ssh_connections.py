"""Kept SSH connections: one to a peer, shared by everything that goes over SSH; opened when it is wanted, closed when
nobody has used it for a while or when somebody waited on it in vain.

It never decides what is sent, and never asks the user anything.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.channels.ssh_login import Login, logins, why_no_login
from multifleet.channels.ssh_peers import SshPeers
from multifleet.loading import load

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection

T = TypeVar("T")

OPEN_SECONDS = 8.0
"""For logging in, by whatever host: less than a channel's own time, so that its reason is told."""
HURRY_SECONDS = 3.0
"""For one host while there are others to try."""
FAILED_SECONDS = 2.0
"""For so long after a failure nobody else tries to log in."""
IDLE_SECONDS = 45.0
CLOSE_SECONDS = 1.0
OPENING = "multifleet.channels.ssh_opening"
"""Brings the library with it."""
LOAD_AFTER = 2.0
"""Seconds after the start, where SSH is configured."""


class NotOpen(ChannelError):
    """The connection was closed by somebody else before anything went out on it: a new one may be asked for at once."""


async def once_more(attempt: Callable[[], Awaitable[T]]) -> T:
    """Do it; once more, on a new connection, where the kept one was closed before anything went out on it."""
    try:
        return await attempt()
    except NotOpen:
        return await attempt()


@dataclass(eq=False)
class Kept:
    """One connection to a peer."""

    node: str
    login: Login
    connection: "SSHClientConnection"
    users: int = 0
    sftp: "SFTPClient | None" = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    notes: dict[str, str] = field(default_factory=dict)
    """What a user of it found out and need not find out again as long as it lasts."""
    idle: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still be used."""
        return not self.connection.is_closed()


@dataclass(eq=False)
class _Opening:
    task: "asyncio.Task[Kept]"
    waiting: int = 0


class SshConnections:
    """One for the node."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._opening: dict[str, _Opening] = {}
        self._best: dict[str, str] = {}
        self._failures: dict[str, tuple[float, str]] = {}
        self._closing: set[SSHClientConnection] = set()
        self._is_started = False
        self.peers: SshPeers

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Tell peers of this machine's SSH server, and learn of theirs; done once, whoever asks for it."""
        if self._is_started:
            return
        self._is_started = True
        self.peers = SshPeers(here, self._learned)
        if any(entry.user for entry in here.config.nodes.values()):
            here.spawn("ssh loading", _load_soon)
        stack.push_async_callback(self.close)

    def why_not(self, target: Target) -> str:
        """Why there is no way to log in to a peer; empty where there is one to try."""
        return why_no_login(target)

    def home_of(self, node: str) -> str:
        """A peer's home, if it has told one that a login there does not find by itself; else empty."""
        return self.peers.facts.of(node).unusual_home if self._is_started else ""

    @asynccontextmanager
    async def to(self, target: Target) -> "AsyncIterator[Kept]":
        """A connection to a peer, which others may use at the same time.

        ChannelError where there is none to be had. Whoever leaves it by any other exception than a ChannelError waited
        in vain or found it broken: it is closed then, for everybody.
        """
        kept = await self._get(target)
        kept.users += 1
        if kept.idle is not None:
            kept.idle.cancel()
            kept.idle = None
        try:
            yield kept
        except ChannelError:
            raise
        except BaseException:
            self._drop(kept)
            raise
        finally:
            kept.users -= 1
            if not kept.users and self._kept.get(kept.node) is kept:
                kept.idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop, kept)

    async def log_in(self, target: Target) -> str:
        """Whether a peer's SSH server lets this node in: as whom and where, or ChannelError."""
        async with self.to(target) as kept:
            return str(kept.login)

    @asynccontextmanager
    async def sftp(self, target: Target) -> "AsyncIterator[tuple[SFTPClient, Kept]]":
        """The SFTP session that is kept with the connection; what goes wrong there becomes a ChannelError, NotOpen
        where the last request was not sent."""
        async with self.to(target) as kept:
            import asyncssh

            from multifleet.channels.ssh_opening import in_words

            try:
                async with kept.starting:
                    if kept.sftp is None:
                        kept.sftp = await _started(kept)
                yield kept.sftp, kept
            except asyncssh.SFTPNoConnection as error:
                self._drop(kept)
                raise NotOpen(f"{kept.login}: {in_words(error)}", unknown=True) from None
            except asyncssh.SFTPConnectionLost as error:
                self._drop(kept)
                raise ChannelError(f"{kept.login}: {in_words(error)}", unknown=True) from None
            except asyncssh.SFTPError as error:
                raise ChannelError(f"{kept.login}: SFTP: {in_words(error)}") from None
            except (asyncssh.Error, OSError) as error:
                self._drop(kept)
                raise ChannelError(f"{kept.login}: {in_words(error)}", unknown=True) from None

    async def open_own(self, target: Target) -> tuple["SSHClientConnection", Login]:
        """A connection that is not shared; who asked for it closes it."""
        self._need_login(target)
        async with asyncio.timeout(OPEN_SECONDS):
            return await self._log_in(target)

    def forget(self, node: str) -> bool:
        """Let go of what is kept for a peer; whether there was anything."""
        self._best.pop(node, None)
        self._failures.pop(node, None)
        kept = self._kept.get(node)
        if kept is not None:
            self._drop(kept)
        return kept is not None

    def try_anew(self, node: str) -> None:
        """Forget that nobody could log in there a moment ago."""
        self._failures.pop(node, None)

    def is_open(self, node: str) -> bool:
        """Whether a connection to a peer is kept."""
        kept = self._kept.get(node)
        return kept is not None and kept.is_open

    async def close(self) -> None:
        """Close all of them, and wait until they are gone."""
        for opening in list(self._opening.values()):
            opening.task.cancel()
        await asyncio.gather(*(opening.task for opening in self._opening.values()), return_exceptions=True)
        for kept in list(self._kept.values()):
            self._drop(kept)
        if self._closing:
            ends = [asyncio.create_task(connection.wait_closed()) for connection in self._closing]
            await asyncio.wait(ends, timeout=CLOSE_SECONDS)
            for end in ends:
                end.cancel()
            self._closing.clear()

    def _need_login(self, target: Target) -> None:
        if why_not := why_no_login(target):
            raise ChannelError(why_not)

    async def _get(self, target: Target) -> Kept:
        kept = self._kept.get(target.node)
        if kept is not None and kept.is_open and kept.login in logins(target):
            return kept
        self._need_login(target)
        if kept is not None:
            self._drop(kept)
        if (why_not := self._failed_just_now(target.node)) is not None:
            raise ChannelError(why_not)
        opening = self._opening.get(target.node)
        if opening is None:
            task = asyncio.create_task(self._open(target), name=f"ssh to {target.node}")
            opening = self._opening[target.node] = _Opening(task)
        opening.waiting += 1
        try:
            return await asyncio.shield(opening.task)
        finally:
            opening.waiting -= 1
            if not opening.waiting and self._opening.get(target.node) is opening:
                del self._opening[target.node]
                if opening.task.cancel():
                    await asyncio.wait([opening.task])

    async def _open(self, target: Target) -> Kept:
        known = self.peers.facts.of(target.node)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                connection, login = await self._log_in(target)
        except TimeoutError:
            words = f"no SSH session in {OPEN_SECONDS:g} s: the server hangs, or large packets are lost on the way"
            raise self._failed(target.node, f"{logins(target)[0]}: {words}") from None
        except ChannelError as error:
            if self.peers.facts.of(target.node) is not known:
                raise  # the peer has told something new meanwhile
            raise self._failed(target.node, str(error)) from None
        kept = self._kept[target.node] = Kept(target.node, login, connection)
        kept.idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop, kept)
        self._best[target.node] = login.host
        return kept

    def _failed(self, node: str, words: str) -> ChannelError:
        self._failures[node] = (time.monotonic(), words)
        return ChannelError(words)

    def _failed_just_now(self, node: str) -> str | None:
        """Why no connection could be had a moment ago: the next channel over SSH need not wait for that again."""
        at, words = self._failures.get(node, (0.0, ""))
        return words if words and time.monotonic() - at < FAILED_SECONDS else None

    async def _log_in(self, target: Target) -> "tuple[SSHClientConnection, Login]":
        await load(OPENING)
        from multifleet.channels.ssh_opening import HostKeyRefused, HostKeys, open_connection

        best = self._best.get(target.node)
        ways = sorted(logins(target), key=lambda login: login.host != best)
        reasons: list[str] = []
        shown: set[str] = set()
        for left, login in reversed(list(enumerate(reversed(ways)))):
            keys = HostKeys(self.peers.facts.of(target.node))
            try:
                async with asyncio.timeout(HURRY_SECONDS if left else None):
                    connection = await open_connection(login, keys)
            except TimeoutError:
                reasons.append(f"{login}: no SSH session in {HURRY_SECONDS:g} s")
                continue
            except HostKeyRefused as error:
                if error.shown not in shown:
                    shown.add(error.shown)
                    self.peers.was_refused(target.node, str(error))
                    reasons.append(str(error))
                continue
            except ChannelError as error:
                reasons.append(str(error))
                continue
            self.peers.was_let_in(target.node, keys.pin() if keys.first_use else "")
            return connection, login
        raise ChannelError("; ".join(reasons))

    def _learned(self, node: str) -> None:
        self._failures.pop(node, None)
        kept = self._kept.get(node)
        if kept is not None:
            kept.notes.clear()

    def _drop(self, kept: Kept) -> None:
        if self._kept.get(kept.node) is kept:
            del self._kept[kept.node]
        if kept.idle is not None:
            kept.idle.cancel()
            kept.idle = None
        self._closing = {connection for connection in self._closing if not connection.is_closed()}
        kept.connection.abort()
        self._closing.add(kept.connection)


async def _started(kept: Kept) -> "SFTPClient":
    import asyncssh

    try:
        return await kept.connection.start_sftp_client()
    except asyncssh.ChannelOpenError:
        if kept.is_open:
            raise
        raise asyncssh.SFTPNoConnection("the connection was closed") from None


async def _load_soon() -> None:
    """Before the first message needs it, and after the daemon has come up."""
    await asyncio.sleep(LOAD_AFTER)
    await load(OPENING)
