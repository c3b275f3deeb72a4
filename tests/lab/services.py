"""Real servers on a host: sshd, nats-server, a git remote."""

from __future__ import annotations

import contextlib
import shutil
import signal
from pathlib import Path

from tests.lab.fault import Fault
from tests.lab.kernel import send_signal, stat
from tests.lab.machine import HOME
from tests.lab.proc import Proc
from tests.lab.sockets import Sockets
from tests.lab.tools import LabError, sh, wait_for

GONE = "XZ"
"""State letters of what has ended."""


class Services(Sockets):
    """Servers that a host can be given."""

    def start_sshd(self, port: int = 22) -> Proc:
        """An sshd of the host's own: private host key, key login only, all lab keys let in."""
        config = self.dir / "srv/ssh/sshd_config"
        config.parent.mkdir(exist_ok=True)
        config.write_text(
            f"Port {port}\nHostKey /srv/ssh/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
            f"AuthorizedKeysFile {HOME}/.ssh/authorized_keys\nSubsystem sftp internal-sftp\n"
            "MaxStartups 100:30:200\nMaxSessions 100\nPrintMotd no\nPrintLastLog no\nUseDNS no\n"
            f"AcceptEnv LANG MULTIFLEET_*\nSetEnv PATH={self.lab.path}\n"
        )
        if not (config.parent / "host_key").exists():
            self.new_host_key()
        sshd = shutil.which("sshd", path="/usr/sbin:/sbin")
        if not sshd:
            raise LabError("no sshd here: apt-get install openssh-server")
        proc = self.popen([sshd, "-D", "-e", "-f", "/srv/ssh/sshd_config"], name="sshd")
        self.wait_port(port)
        return proc

    def stop_sshd(self) -> Fault:
        """No SSH: the server and every session of it are gone; undone, a new server listens."""
        self.kill_named("sshd")
        return Fault(f"{self.name} without SSH", [self.start_sshd])

    def kill_named(self, name: str) -> int:
        """SIGKILL for every process of the host whose program has this name; how many those were, all gone now."""
        killed = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/exe").readlink().name.startswith(name):
                    send_signal(pid, signal.SIGKILL)
                    killed.append(pid)
        # a server that still holds its port would be taken for the next one, which cannot listen there then
        wait_for(lambda: all(stat(pid)[0] in GONE for pid in killed), 30)
        return len(killed)

    def new_host_key(self, publish: bool = True) -> None:
        """A fresh host key; `publish=False` leaves the others' known_hosts as they were (a MITM)."""
        key = self.dir / "srv/ssh/host_key"
        key.parent.mkdir(exist_ok=True)
        for old in (key, key.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", key)
        if publish:
            self.lab.write_known_hosts()

    def start_nats(self, port: int = 4222, jetstream: bool = False, sync: str | None = None, extra: str = "") -> Proc:
        """A nats-server of the host's; `sync="always"` fsyncs before it acknowledges."""
        binary = self.lab.tool("nats-server")
        store = f'jetstream {{ store_dir: "/srv/data/nats"\n{f"sync_interval: {sync}" if sync else ""} }}'
        config = self.dir / "srv/nats.conf"
        config.write_text(f"listen: 0.0.0.0:{port}\n{store if jetstream else ''}\n{extra}\n")
        proc = self.popen([binary, "-c", "/srv/nats.conf"], name="nats")
        self.wait_port(port)
        return proc

    def git_remote(self, name: str = "fleet") -> str:
        """A bare repository on this host, and its URL over ssh (needs `start_sshd`)."""
        place = f"/srv/git/{name}.git"
        self.run(["git", "init", "-q", "--bare", "-b", "main", place])
        return f"ssh://root@{self.ip}{place}"
