"""Whether a caller is this machine's user: the kernel says so or, where it does not tell, a token.

Linux lists the owner of every socket (sock_diag(7)). The other end of a loopback connection must be
established, held by a process (inode not 0) and owned by our user at the moment when it is accepted. A
closed socket is listed with user 0 and no inode; it proves nothing, not even to a daemon of root. Elsewhere
the caller shows the token of a 0600 file.
"""

import hmac
import os
import secrets
import socket
import stat
import struct
from asyncio import BaseTransport
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

from multifleet.errors import ConfigError

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
TCP_ESTABLISHED = 1

_MESSAGE = struct.Struct("=IHHII")  # nlmsghdr
_REQUEST = struct.Struct("=BBBBI")  # the head of inet_diag_req_v2
_SOCKET_ID = struct.Struct("!HH16s16s4x8s")  # inet_diag_sockid: ports and addresses in network order
_ANSWER = struct.Struct("=BBBB48sIIIII")  # inet_diag_msg
_NO_COOKIE = b"\xff" * 8


class Proof(Protocol):
    """One way to know this machine's user."""

    def by_connection(self, transport: BaseTransport) -> bool:
        """Whether the connection alone proves it; asked once, when it is accepted."""
        ...

    def by_header(self, authorization: str | None) -> bool:
        """Whether a request's Authorization header proves it."""
        ...


class KernelProof:
    """The owner of the other end, as the kernel's socket table names it."""

    def __init__(self, diag: socket.socket, uid: int) -> None:
        self._diag = diag
        self._uid = uid
        self._serial = 0

    def by_connection(self, transport: BaseTransport) -> bool:
        """True for an established loopback connection from a process of our user."""
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not (_is_loopback(ours) and _is_loopback(theirs)) or self.owner(theirs, ours) != self._uid:
            return False
        # Had this connection been reset before we asked, another could have come to the same addresses.
        try:
            state = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        except OSError:
            return False
        return bool(state[0] == TCP_ESTABLISHED)

    def by_header(self, authorization: str | None) -> bool:
        """Never: there is no token here."""
        return False

    def owner(self, local: tuple[Any, ...], remote: tuple[Any, ...]) -> int | None:
        """User id of the established socket with these two addresses; None where there is no such one."""
        family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
        wanted = _SOCKET_ID.pack(local[1], remote[1], _packed(family, local[0]), _packed(family, remote[0]), _NO_COOKIE)
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << TCP_ESTABLISHED) + wanted
        head = _MESSAGE.pack(_MESSAGE.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, self._serial, 0)
        try:
            self._diag.send(head + body)
            while True:
                answer = self._diag.recv(1024)
                if _MESSAGE.unpack_from(answer)[3] == self._serial:
                    return _read_owner(answer, family, wanted)
        except OSError:
            return None


class TokenProof:
    """A secret that only this user can read from its file."""

    def __init__(self, path: Path) -> None:
        self._expected = f"Bearer {_read_or_make(path)}".encode()

    def by_connection(self, transport: BaseTransport) -> bool:
        """Never: connections tell nothing here."""
        return False

    def by_header(self, authorization: str | None) -> bool:
        """Whether the header is "Bearer <token>"."""
        shown = (authorization or "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(shown, self._expected)


def choose_proof(token: Path, stack: AsyncExitStack) -> Proof:
    """The kernel, where it answers truly about a connection of our own; else the token, made at need."""
    diag = open_diag()
    if diag is not None:
        proof = KernelProof(diag, os.geteuid())
        if _answers_truly(proof):
            stack.callback(diag.close)
            return proof
        diag.close()
    return TokenProof(token)


def open_diag() -> socket.socket | None:
    """A socket to ask the kernel about sockets; None where there is none, or user ids cannot be trusted."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None or _is_nobody(os.geteuid()):
        return None
    try:
        diag = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        diag.setblocking(False)  # the kernel answers within the send; waiting for more would stop the daemon
        diag.connect((0, 0))  # so that only the kernel can answer
    except OSError:
        return None
    return diag


def _is_nobody(uid: int) -> bool:
    """Whether this user id is the one that stands for all that have none in a user namespace."""
    with suppress(OSError, ValueError):
        return uid == int(Path("/proc/sys/kernel/overflowuid").read_text())
    return False


def _answers_truly(proof: KernelProof) -> bool:
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        return proof.owner(client.getsockname(), client.getpeername()) == os.geteuid()


def _is_loopback(address: object) -> bool:
    return isinstance(address, tuple) and (address[0] == "::1" or address[0].startswith("127."))


def _packed(family: int, address: str) -> bytes:
    return socket.inet_pton(family, address).ljust(16, b"\0")


def _read_owner(answer: bytes, family: int, wanted: bytes) -> int | None:
    if _MESSAGE.unpack_from(answer)[1] != SOCK_DIAG_BY_FAMILY:
        return None  # an error message: there is no such socket
    found, state, _, _, identity, _, _, _, uid, inode = _ANSWER.unpack_from(answer, _MESSAGE.size)
    same = found == family and identity[:36] == wanted[:36]
    return int(uid) if same and state == TCP_ESTABLISHED and inode else None


def _read_or_make(path: Path) -> str:
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return _read_private(path)
    token = secrets.token_urlsafe(32)
    with os.fdopen(made, "w") as file:
        file.write(token + "\n")
    return token


def _read_private(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): remove it, a new one is made") from None
    try:
        status = os.fstat(descriptor)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        token = os.read(descriptor, 1024).strip().decode() if ours and not status.st_mode & 0o077 else ""
    finally:
        os.close(descriptor)
    if len(token) < 32:
        raise ConfigError(f"{path} is not a private token file: remove it, a new one is made")
    return token
