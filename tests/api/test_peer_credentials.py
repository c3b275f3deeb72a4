"""The kernel's word, and the token where there is none."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from multifleet.api.peer_credentials import KernelProof, Proof, TokenProof, choose_proof, open_diag
from multifleet.errors import ConfigError
from tests.api.conftest import Serve
from tests.api.served import Served, request

SOMEBODY = 54_321
NOTE = request("POST", "/note", b'{"text": "planted"}')


@pytest.fixture
async def proof(tmp_path: Path) -> KernelProof:
    async with AsyncExitStack() as stack:
        chosen = choose_proof(tmp_path / "token", stack)
        assert isinstance(chosen, KernelProof), "this system has no sock_diag"
        diag = stack.pop_all()
    yield chosen
    await diag.aclose()


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_the_kernel_names_the_owner_of_an_established_socket(proof: KernelProof, family: int, host: str) -> None:
    with socket.create_server((host, 0), family=family) as listener, socket.socket(family) as client:
        client.connect(listener.getsockname())
        assert proof.owner(client.getsockname(), client.getpeername()) == os.geteuid()


async def test_a_closed_socket_has_no_owner(proof: KernelProof) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, theirs = listener.accept()
        client.close()
        assert proof.owner(theirs, listener.getsockname()) is None
        accepted.close()


async def test_a_listener_on_the_callers_port_does_not_stand_for_the_caller(proof: KernelProof) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as other:
        assert proof.owner(other.getsockname(), ours.getsockname()) is None


async def test_an_address_that_nobody_has_has_no_owner(proof: KernelProof) -> None:
    assert proof.owner(("127.0.0.1", 1), ("127.0.0.1", 2)) is None


async def test_a_connection_from_elsewhere_proves_nothing(proof: KernelProof) -> None:
    class FromElsewhere(asyncio.BaseTransport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return {"sockname": ("10.0.0.1", 8855), "peername": ("10.0.0.1", 40_000)}[name]

    assert not proof.by_connection(FromElsewhere())


def another_user(token: Path, stack: AsyncExitStack) -> Proof:
    """The kernel's word for a daemon whose user is not the one who runs the tests."""
    diag = open_diag()
    assert diag is not None, "this system has no sock_diag"
    stack.callback(diag.close)
    return KernelProof(diag, os.geteuid() + 1)


async def test_another_local_user_is_refused(serve: Serve) -> None:
    served = await serve(choose=another_user)
    reply = await served.ask("POST", "/note", b'{"text": "planted"}')
    assert (reply.status, reply.code) == (401, "not_owner")
    assert served.node.asked == []


async def test_a_token_is_worth_nothing_where_the_kernel_tells(serve: Serve) -> None:
    served = await serve(choose=another_user)
    assert (await served.ask("GET", "/notes/1", Authorization="Bearer ")).code == "not_owner"


async def as_somebody(work: Callable[[], None]) -> None:
    """Do something in a process of another user, and wait for it; an exception there is one here."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([])
            os.setgid(SOMEBODY)
            os.setuid(SOMEBODY)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def post_and_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(NOTE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


def post_and_vanish(port: int, linger: bytes) -> None:
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", port), 10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.sendall(NOTE)
        connection.close()


def open_private(path: Path) -> None:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(path))
    except PermissionError:
        return
    raise AssertionError("another user reached the socket")


@pytest.mark.lab
async def test_a_real_other_user_is_refused_on_the_port(served: Served) -> None:
    await as_somebody(partial(post_and_read, served.port))
    assert served.node.asked == []


@pytest.mark.lab
@pytest.mark.parametrize("linger", [struct.pack("ii", 0, 0), struct.pack("ii", 1, 0)], ids=["closed", "reset"])
async def test_a_real_other_user_who_sends_and_closes_at_once_is_not_heard(served: Served, linger: bytes) -> None:
    await as_somebody(partial(post_and_vanish, served.port, linger))
    reply = await served.ask("POST", "/note", b'{"text": "own"}')
    assert reply.status == 202
    assert [note.text for note in served.node.asked] == ["own"]


@pytest.mark.lab
async def test_a_real_other_user_cannot_open_the_unix_socket(served: Served) -> None:
    await as_somebody(partial(open_private, served.socket))


def only_token(token: Path, stack: AsyncExitStack) -> Proof:
    return TokenProof(token)


async def test_where_the_kernel_does_not_tell_the_token_proves_it(serve: Serve, tmp_path: Path) -> None:
    served = await serve(choose=only_token)
    token = (tmp_path / "token").read_text().strip()
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    body = b'{"text": "x"}'
    assert (await served.ask("POST", "/note", body, Authorization=f"Bearer {token}")).status == 202
    for wrong in (f"Bearer {token}x", f"Bearer {token[:-1]}", token, "Bearer ", "Bearer \udcff", None):
        assert (await served.ask("POST", "/note", body, Authorization=wrong)).status == 401


def test_a_token_is_kept(tmp_path: Path) -> None:
    TokenProof(tmp_path / "token")
    first = (tmp_path / "token").read_text()
    TokenProof(tmp_path / "token")
    assert (tmp_path / "token").read_text() == first


@pytest.mark.parametrize("planted", ["open", "empty", "link", "pipe", "folder"])
def test_a_planted_token_file_is_refused(tmp_path: Path, planted: str) -> None:
    path, real = tmp_path / "token", tmp_path / "real"
    real.write_text("x" * 40)
    real.chmod(0o600)
    {
        "open": lambda: (path.write_text("x" * 40), path.chmod(0o644)),
        "empty": lambda: path.touch(0o600),
        "link": lambda: path.symlink_to(real),
        "pipe": lambda: os.mkfifo(path, 0o600),
        "folder": path.mkdir,
    }[planted]()
    with pytest.raises(ConfigError, match="remove it"):
        TokenProof(path)
