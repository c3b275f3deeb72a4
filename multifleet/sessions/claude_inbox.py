"""Posts to the inbox of a live Claude Code session, and listens where its receipts and its model's replies
arrive.

The client sends receipts only to the very process that posted, so both belong to the daemon. That the bytes
were written is all that a post knows: what became of them is told by receipts and by the transcript.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import socket
import stat
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from multifleet.sessions.base import OutOfReach, Rereads, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_wire import InboxEvent, Odd, idle_line, message_line, report_line, wish_line
from multifleet.sessions.inbox_lines import read_line
from multifleet.sessions.own_files import NotOurs, make_private_folder
from multifleet.sessions.processes import credentials

LINE_TIMEOUT = 30.0
MAX_INCOMING = 4 * 1024 * 1024
MAX_CONNECTIONS = 32

_SOCKET_NAME = re.compile(r"[0-9a-f]{16}")


class SocketTaken(Exception):
    """Another process listens on this name, or no folder is fit to hold it; the message says which."""


def reply_socket_name(*parts: str) -> str:
    """The name (16 hex digits, the only form that gets receipts from everywhere) of the socket that these
    words have."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def socket_folders(uid: int) -> tuple[Path, ...]:
    """The folders in which the client accepts a reply socket of another program, in the order in which we try
    them."""
    return Path("/tmp/cc-socks"), Path(f"/tmp/cc-socks-{uid}"), Path(f"/run/user/{uid}/cc-socks")


class ReplySocket:
    """A listening socket of ours, one for each remote address, so that the target of a reply is
    unambiguous."""

    def __init__(self, name: str, path: Path, listener: socket.socket, tell: Callable[[InboxEvent], None]) -> None:
        self.name = name
        self.path = path
        self.address = f"uds:{path}"
        self._listener = listener
        self._tell = tell
        self._inode = os.lstat(path).st_ino
        self._serving = asyncio.create_task(self._serve(), name=f"replies {name}")

    @classmethod
    async def open(
        cls, name: str, tell: Callable[[InboxEvent], None], folders: Sequence[Path] | None = None
    ) -> "ReplySocket":
        """Listens under this name (16 hex digits) and calls `tell` for every event; a stale socket of ours is
        replaced."""
        if not _SOCKET_NAME.fullmatch(name):
            raise ValueError("a reply socket's name is 16 hex digits")
        reasons: list[str] = []
        for folder in socket_folders(os.getuid()) if folders is None else folders:
            try:
                make_private_folder(folder)
                listener = _listen(folder / f"{name}.sock")
            except (OSError, NotOurs, SocketTaken) as error:
                reasons.append(str(error))
                continue
            return cls(name, folder / f"{name}.sock", listener, tell)
        raise SocketTaken("; ".join(reasons))

    async def aclose(self) -> None:
        """Stops listening and removes the socket file, if it is still ours; a second time it does nothing."""
        if self._listener.fileno() < 0:
            return
        self._serving.cancel()
        try:
            await asyncio.wait([self._serving])  # its end by a cancellation is not to be taken for one of ours
        finally:
            self._listener.close()
            with contextlib.suppress(OSError):
                if os.lstat(self.path).st_ino == self._inode:
                    os.unlink(self.path)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        room = asyncio.Semaphore(MAX_CONNECTIONS)
        async with asyncio.TaskGroup() as readers:
            while True:
                await room.acquire()
                try:
                    connection, _ = await loop.sock_accept(self._listener)
                except OSError as error:
                    room.release()
                    self._tell(Odd(self.name, f"cannot accept: {error.strerror}", None))
                    await asyncio.sleep(0.2)  # out of file descriptors: the backlog keeps what waits
                    continue
                readers.create_task(self._read(connection, room))

    async def _read(self, connection: socket.socket, room: asyncio.Semaphore) -> None:
        try:
            with connection:
                connection.setblocking(False)
                peer = credentials(connection)
                if peer is None or peer.uid != os.getuid():
                    self._tell(Odd(self.name, "a connection of another user", peer.pid if peer else None))
                    return
                await self._read_lines(connection, peer.pid)
        except (OSError, TimeoutError) as error:
            self._tell(Odd(self.name, f"a connection broke: {type(error).__name__}", None))
        finally:
            room.release()

    async def _read_lines(self, connection: socket.socket, pid: int) -> None:
        loop = asyncio.get_running_loop()
        kept = bytearray()
        while True:
            async with asyncio.timeout(LINE_TIMEOUT):
                piece = await loop.sock_recv(connection, 65536)
            if not piece:
                break
            kept += piece
            while (end := kept.find(b"\n")) >= 0:
                line = bytes(kept[:end])
                del kept[: end + 1]
                self._tell_of(line, pid)
            if len(kept) > MAX_INCOMING:
                self._tell(Odd(self.name, f"a line of more than {MAX_INCOMING} bytes", pid))
                return
        self._tell_of(bytes(kept), pid)

    def _tell_of(self, line: bytes, pid: int) -> None:
        if line.strip():
            for event in read_line(line, self.name, pid):
                self._tell(event)


async def post(
    source: Rereads,
    session: Session,
    *,
    offer_id: str,
    text: str,
    reply: ReplySocket | None,
    from_name: str,
    from_session: str,
    from_mode: str | None = None,
    timeout: float = 5.0,
) -> None:
    """Writes one offer to the session's inbox, for this conversation and no other.

    Unreachable: nothing was written. UnknownOutcome: it may have arrived. ValueError: the text does not fit.
    """
    # No mode is claimed by default, because the far session's is not known here. It decides nothing either:
    # measured, a session that asks its user takes a message with "prompting" as it takes one with none, and a
    # session that bypasses its prompts holds both for its user, which is right. Claiming "bypass" would open
    # it and is never done.
    line = message_line(
        text,
        offer_id=offer_id,
        session_id=session.session_id,
        from_address=reply.address if reply else None,
        from_name=from_name,
        from_session=from_session,
        from_mode=from_mode,
    )
    await _write(source, session, line, timeout, same_conversation=True)


async def report(
    source: Rereads,
    session: Session,
    *,
    about: str,
    status: str,
    reason: str,
    reply: ReplySocket,
    timeout: float = 5.0,
) -> None:
    """Tells a session what became of the message `about` (its msg_id) that it sent to `reply`; raises as
    `post` does."""
    line = report_line(line_id=str(uuid.uuid4()), about=about, status=status, reason=reason, from_address=reply.address)
    await _write(source, session, line, timeout, same_conversation=False)


async def tell_idle(
    source: Rereads,
    session: Session,
    *,
    about: str,
    state: str,
    finished_at: float | None,
    reply: ReplySocket,
    timeout: float = 5.0,
) -> None:
    """Answers a session's wish `about` to be told when whoever `reply` stands for is idle; raises as `post` does."""
    line = idle_line(
        line_id=str(uuid.uuid4()), about=about, state=state, finished_at=finished_at, from_address=reply.address
    )
    await _write(source, session, line, timeout, same_conversation=False)


async def ask_when_idle(
    source: Rereads, session: Session, *, wish_id: str, reply: ReplySocket, timeout: float = 5.0
) -> None:
    """Asks a session to tell `reply` once it rests, which it does not say while it holds one; raises as `post` does."""
    line = wish_line(wish_id=wish_id, from_address=reply.address)
    await _write(source, session, line, timeout, same_conversation=True)


def remove_stale_socket(name: str) -> None:
    """Removes what a killed daemon left under this name, if it is a socket of this user that nobody listens on."""
    for folder in socket_folders(os.getuid()):
        with contextlib.suppress(SocketTaken, OSError):
            _remove_stale(folder / f"{name}.sock")


async def _write(source: Rereads, session: Session, line: bytes, timeout: float, *, same_conversation: bool) -> None:
    now = source.reread(session)
    if now is None:
        raise Unreachable("the session has ended")
    if same_conversation and now.session_id != session.session_id:
        raise Unreachable("the session has begun another conversation")
    await write_to(now, line, timeout)


async def write_to(now: Session, lines: bytes, timeout: float) -> None:
    """Writes to the inbox of a session as it is now; raises as `post` does."""
    if now.socket is None:
        raise Unreachable("the session has no inbox")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        try:
            # answers at once on a Unix socket; asyncio would take a full backlog for a connection under way
            connection.connect(os.fspath(now.socket))
        except OSError as error:
            raise OutOfReach(f"the session's inbox cannot be reached ({type(error).__name__})") from error
        listener = credentials(connection)
        if listener is None or listener.uid != os.getuid() or listener.pid != now.pid:
            raise Unreachable("another process listens on the session's inbox")
        await _send(connection, lines, timeout)


async def _send(connection: socket.socket, lines: bytes, timeout: float) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            await loop.sock_sendall(connection, lines)
            if sys.platform == "darwin":
                await asyncio.sleep(0.15)  # there the receiver reads our pid only while both ways are open
            connection.shutdown(socket.SHUT_WR)
            # the client says nothing here and closes once it has read: with that, the line is not lost in a
            # buffer
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(1.0, timeout)):
                    while await loop.sock_recv(connection, 4096):
                        continue
    except (OSError, TimeoutError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOTCONN:
            return  # it has read the line and closed before we could half-close
        raise UnknownOutcome(f"the line may not have been read ({type(error).__name__})") from error


def _listen(path: Path) -> socket.socket:
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fspath(path))
        os.chmod(path, 0o600)
        listener.listen(64)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.getuid():
        raise SocketTaken(f"{path} is not a socket of this user")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(os.fspath(path)) != errno.ECONNREFUSED:
            raise SocketTaken(f"another process listens on {path}")
    os.unlink(path)
