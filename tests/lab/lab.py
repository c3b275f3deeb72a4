"""Hosts on a bridge, in sites joined by a router; nothing of the machine's own network is touched."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.lab.capture import Capture
from tests.lab.fault import Fault
from tests.lab.host import Host
from tests.lab.kernel import end_helper, namespaces
from tests.lab.machine import DOMAIN, GATEWAY
from tests.lab.tools import LabError, missing_tools, sh

MAGIC_PACKETS = Path(__file__).with_name("magic_packets.py")


PLENTY = 4 << 30
"""Bytes of memory that must be free, in /dev/shm too, for labs to write there; the largest takes some 0.1 GB."""


def room() -> str:
    """The folder in which labs keep what their hosts write: $LAB_ROOM, else in memory, where no sync is waited for, if
    there is plenty of it, else /tmp."""
    if "LAB_ROOM" in os.environ:
        return os.environ["LAB_ROOM"]
    shm = Path("/dev/shm")
    if not shm.is_mount():
        return "/tmp"
    found = os.statvfs(shm)
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    free = min(found.f_bavail * found.f_frsize, int(available[1]) * 1024 if available else 0)
    return str(shm) if free >= PLENTY else "/tmp"


class Lab:
    """`Lab(3)` or `Lab(["mac1", "mac2"])`, or `Lab({"mac1": 0, "cloud": 1})` with a site for each.

    Hosts of one site share a broadcast domain; sites are joined by a router that carries neither
    broadcast nor multicast. `expose` names folders under /tmp, /home, /srv or /run that the hosts
    shall see too, read-only; the interpreter's own folder and the virtual environment `venv`
    (default: $LAB_VENV, else the running one) are always among them. What the hosts write lies in `room()`.
    """

    def __init__(
        self,
        hosts: int | Sequence[str] | Mapping[str, int] = 3,
        *,
        expose: Sequence[str | os.PathLike[str]] = (),
        venv: str | os.PathLike[str] | None = None,
    ) -> None:
        if os.geteuid():
            raise LabError("the lab needs root")
        if missing := missing_tools():
            raise LabError(f"missing {sorted(missing)}: apt-get install {' '.join(sorted(set(missing.values())))}")
        names = [f"h{n + 1}" for n in range(hosts)] if isinstance(hosts, int) else hosts
        self._sites = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names, 0)
        self.venv = Path(venv or os.environ.get("LAB_VENV") or sys.prefix)
        self.python = str(self.venv / "bin/python") if (self.venv / "bin/python").exists() else sys.executable
        wanted = [Path(p) for p in (*expose, self.venv, sys.prefix, sys.base_prefix)]
        self.expose = sorted({p.resolve() for p in wanted if p.exists()})
        self.path = ":".join([str(self.venv / "bin"), os.environ.get("PATH", "/usr/bin"), "/usr/sbin:/sbin"])
        self.root = Path()
        self.switch = 0
        self.by_name: dict[str, Host] = {}
        self.wol_seen: list[tuple[float, str]] = []
        self.numbers = itertools.count(1)
        self.helpers: list[subprocess.Popen[bytes]] = []
        self._wol: list[threading.Thread] = []
        self._switch_anchor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Lab:
        self.root = Path(tempfile.mkdtemp(prefix="mflab-", dir=room()))
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        self._switch_anchor, self.switch = namespaces("-n")
        self.switch_command("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for site in sorted(set(self._sites.values())):
            bridge = f"br{site}"
            self.switch_command("ip", "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
            self.switch_command("ip", "addr", "add", f"{DOMAIN}.{site}.{GATEWAY}/24", "dev", bridge)
            self.switch_command("ip", "link", "set", bridge, "up")
        counts: dict[int, int] = {}
        for index, (name, site) in enumerate(self._sites.items(), 1):
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
                raise LabError(f"no host name: {name!r}")
            counts[site] = counts.get(site, 0) + 1
            host = Host(self, name, index, site, counts[site])
            self.by_name[name] = host
            host.start()
        self._write_hosts()
        self._make_keys()

    def close(self) -> None:
        """Tear everything down; safe to call twice."""
        for host in self.by_name.values():
            host.stop()
        for helper in self.helpers:
            end_helper(helper)
        if self._switch_anchor:
            end_helper(self._switch_anchor)
            self._switch_anchor = None
        for thread in self._wol:
            thread.join(5)
        if self.root.name.startswith("mflab-"):
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def hosts(self) -> list[Host]:
        """The hosts, in order."""
        return list(self.by_name.values())

    def __getitem__(self, name: str) -> Host:
        return self.by_name[name]

    def switch_command(self, *args: str) -> str:
        """A command in the switch's network namespace."""
        return sh("nsenter", "-t", str(self.switch), "-n", *args)

    def tool(self, name: str) -> str:
        """A program of the virtual environment or the machine."""
        found = shutil.which(name, path=self.path)
        if not found:
            raise LabError(f"no {name} in {self.venv}/bin or on PATH")
        return found

    def _write_hosts(self) -> None:
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{host.ip} {host.name}" for host in self.hosts]
        for host in self.hosts:
            (host.dir / "etc/hosts").write_text("\n".join(lines) + "\n")

    def _make_keys(self) -> None:
        for host in self.hosts:
            key = host.dir / "home/fleet/.ssh/id_ed25519"
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"fleet@{host.name}", "-f", key)
            host.new_host_key(publish=False)
        public = [(h.dir / "home/fleet/.ssh/id_ed25519.pub").read_text() for h in self.hosts]
        for host in self.hosts:
            (host.dir / "home/fleet/.ssh/authorized_keys").write_text("".join(public))
            (host.dir / "home/fleet/.ssh/config").write_text(
                "Host *\n User root\n StrictHostKeyChecking yes\n BatchMode yes\n ConnectTimeout 5\n ControlMaster no\n"
            )
        self.write_known_hosts()

    def write_known_hosts(self) -> None:
        lines = []
        for host in self.hosts:
            public = (host.dir / "srv/ssh/host_key.pub").read_text().split()
            lines.append(f"{host.name},{host.ip} {public[0]} {public[1]}")
        for host in self.hosts:
            (host.dir / "home/fleet/.ssh/known_hosts").write_text("\n".join(lines) + "\n")

    def cut(self, one: Host, other: Host) -> Fault:
        """Lose all packets between two hosts, both ways; both still reach the others."""
        faults = [one.drop_from(other), other.drop_from(one)]
        return Fault(f"{one.name} | {other.name}", [fault.undo for fault in faults])

    def refuse(self, one: Host, other: Host) -> Fault:
        """A firewall between two sites: these hosts' connections to each other are refused, and all else is lost."""
        reset = ["-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"]
        ways = [(one.ip, other.ip), (other.ip, one.ip)]
        rules = [["FORWARD", "-s", frm, "-d", to, *how] for frm, to in ways for how in (reset, ["-j", "DROP"])]
        for rule in rules:
            self.switch_command("iptables", "-w", "-A", *rule)
        undo = [lambda rule=rule: self.switch_command("iptables", "-w", "-D", *rule) for rule in rules]
        return Fault(f"{one.name} |! {other.name}", list(undo))

    def partition(self, *groups: Sequence[Host]) -> Fault:
        """Split the network into groups that do not hear each other."""
        undo: list[Callable[[], object]] = []
        for group in groups:
            strangers = [host for other in groups if other is not group for host in other]
            undo += [host.drop_from(*strangers).undo for host in group]
        return Fault(" | ".join(str([h.name for h in group]) for group in groups), undo)

    def capture(self, expression: str = "ip", interface: str = "br0") -> Capture:
        """tcpdump on the bridge, which sees every host's frames."""
        return Capture(self, expression, interface)

    def watch_wol(self) -> list[tuple[float, str]]:
        """Start watching for magic packets; the list grows by (time, MAC) as they pass."""
        self._watch_wol()
        return self.wol_seen

    def _watch_wol(self) -> None:
        if self._wol:
            return
        for site in sorted(set(self._sites.values())):
            command = [sys.executable, "-I", str(MAGIC_PACKETS), f"br{site}"]
            watcher = subprocess.Popen(
                ["nsenter", "-t", str(self.switch), "-n", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self.helpers.append(watcher)
            assert watcher.stdout
            if watcher.stdout.readline() != b"ready\n":
                raise LabError("no raw socket on the bridge")
            thread = threading.Thread(target=self._read_wol, args=(watcher,), daemon=True)
            thread.start()
            self._wol.append(thread)

    def _read_wol(self, watcher: subprocess.Popen[bytes]) -> None:
        assert watcher.stdout
        with contextlib.suppress(OSError, ValueError):
            for line in watcher.stdout:
                mac = line.decode().strip()
                self.wol_seen.append((time.time(), mac))
                for host in self.hosts:
                    if host.mac == mac and host.asleep:
                        host.wake()
