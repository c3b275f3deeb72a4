"""A real sshd on a free port of this machine, with its own keys, for this user."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from multifleet.channels.base import Target
from multifleet.channels.ssh_connections import Kept, SshConnections
from multifleet.config import NodeEntry
from tests.ports import free_port


@dataclass
class Sshd:
    """One server."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @classmethod
    def make(cls, folder: Path) -> "Sshd":
        """Its files; it does not run yet."""
        folder.mkdir(mode=0o700)
        (folder / "home").mkdir()
        self = cls(folder, free_port())
        keygen(folder / "user_key")
        self.new_host_key()
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"
            "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nSubsystem sftp internal-sftp -d {folder}/home\n"
            "MaxStartups 100:30:200\nPrintMotd no\nUseDNS no\n"
        )
        return self

    def new_host_key(self) -> None:
        """Another key than before."""
        for path in self.folder.glob("host_key*"):
            path.unlink()
        keygen(self.folder / "host_key")

    @property
    def host_key(self) -> str:
        """Its public key."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @contextmanager
    def running(self) -> Iterator["Sshd"]:
        """Until the block ends."""
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
        assert program, "no sshd here: apt-get install openssh-server"
        command = [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        os.makedirs("/run/sshd", exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for_port(self.port)
            yield self
        finally:
            self.process.kill()
            self.process.wait()

    def sessions(self) -> int:
        """How many connections it serves."""
        return len(self._serving())

    def hang_up(self) -> None:
        """Its connections break."""
        for pid in self._serving():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, signal.SIGKILL)

    def _serving(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def entry(self, **more: object) -> NodeEntry:
        """How a configuration names it."""
        said = {"host": "127.0.0.1", "user": getpass.getuser(), "ssh_port": self.port}
        return NodeEntry(**(said | {"ssh_key": str(self.folder / "user_key")} | more))  # type: ignore[arg-type]


def keygen(path: Path) -> None:
    """A key pair without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)


def wait_for_port(port: int) -> None:
    """Until something listens."""
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, "sshd does not listen"
            time.sleep(0.01)


def closing_once(
    connections: SshConnections, monkeypatch: pytest.MonkeyPatch, *, when_kept: bool = False
) -> list[Kept]:
    """Somebody else closes the connection that is had next, before anything goes out on it; which ones were had.
    `when_kept`: only one on which there is an SFTP session."""
    had: list[Kept] = []
    to = connections.to

    @asynccontextmanager
    async def closing(target: Target) -> AsyncIterator[Kept]:
        async with to(target) as kept:
            had.append(kept)
            if len(had) == 1 + when_kept:
                kept.connection.abort()
                await kept.connection.wait_closed()
            yield kept

    monkeypatch.setattr(connections, "to", closing)
    return had
