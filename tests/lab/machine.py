"""One machine of the lab: its namespaces, files, users and commands. The faults are in files of their own."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.kernel import all_pids, end_helper, namespaces, send_signal, stat
from tests.lab.proc import Proc
from tests.lab.tools import LabError, sh

if TYPE_CHECKING:
    from tests.lab.lab import Lab

DOMAIN = "10.77"  # hosts are 10.77.<site>.<n>, in namespaces the lab makes itself
GATEWAY = 254
PRIVATE = ("/tmp", "/home", "/srv", "/run")  # each host sees its own
HOME = "/home/fleet"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

Command = str | Sequence[str | os.PathLike[str]]


class Machine:
    """One machine of the lab. Made by :class:`Lab`, never directly."""

    def __init__(self, lab: Lab, name: str, index: int, site: int, number: int) -> None:
        self.lab, self.name, self.index, self.site = lab, name, index, site
        self.ip = f"{DOMAIN}.{site}.{number}"
        self.ip6 = f"fd77:0:0:{site}::{number}"
        self.mac = f"02:77:00:00:{site:02x}:{number:02x}"
        self.port = f"v{index}"  # its end of the cable at the switch
        self.dir = lab.root / name
        self.env: dict[str, str] = {}
        self.fake_clock = False
        self.procs: list[Proc] = []
        self._disks: dict[str, str] = {}
        self._asleep = False
        self.init = 0
        self._anchor: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.ip}>"

    def start(self) -> None:
        for place in ("tmp", "home/fleet/.ssh", "home/mallory", "run/sshd", "srv/log", "srv/data"):
            (self.dir / place).mkdir(parents=True, exist_ok=True)
        (self.dir / "tmp").chmod(0o1777)
        (self.dir / "home/fleet/.ssh").chmod(0o700)
        (self.dir / "srv/log").chmod(0o777)
        os.chown(self.dir / "home/mallory", 1001, 1001)
        self._anchor, self.init = namespaces("-n", "-m", "-u", "-i", "-p")
        self._wire()
        self._furnish()

    def _wire(self) -> None:
        peer = ["type", "veth", "peer", "name", "eth0", "address", self.mac]
        self.lab.switch_command("ip", "link", "add", self.port, *peer, "netns", str(self.init))
        self.lab.switch_command("ip", "link", "set", self.port, "master", f"br{self.site}", "up")
        self._net("ip", "link", "set", "lo", "up")
        self._net("ip", "addr", "add", f"{self.ip}/24", "brd", "+", "dev", "eth0")
        with contextlib.suppress(LabError):  # a kernel without IPv6 is no reason to stop
            self._net("ip", "-6", "addr", "add", f"{self.ip6}/64", "dev", "eth0", "nodad")
        self._net("ip", "link", "set", "eth0", "up")
        self._routes()

    def _routes(self) -> None:
        self._net("ip", "route", "replace", "default", "via", f"{DOMAIN}.{self.site}.{GATEWAY}")
        self._net("ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")

    def _furnish(self) -> None:
        """Private folders, names and users, seen by this host's processes only."""
        etc = self.dir / "etc"
        etc.mkdir(exist_ok=True)
        users = [f"root:x:0:0:root:{HOME}:/bin/bash", "mallory:x:1001:1001::/home/mallory:/bin/bash"]
        keep = [u for u in Path("/etc/passwd").read_text().splitlines() if u[:5] != "root:"]
        files = {
            "passwd": "\n".join([*users, *keep]) + "\n",
            "group": Path("/etc/group").read_text() + "mallory:x:1001:\n",
            "hostname": f"{self.name}\n",
            "resolv.conf": "# no name server in the lab\n",
            "hosts": "",
        }
        for name, text in files.items():
            (etc / name).write_text(text)
        script = ["set -e", f"hostname {shlex.quote(self.name)}"]
        for path in self.lab.expose:
            top = next((p for p in PRIVATE if path.is_relative_to(p)), None)
            if top:
                target = self.dir / top[1:] / path.relative_to(top)
                (target if path.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
                if not path.is_dir():
                    target.touch()
                script.append(f"mount --bind {shlex.quote(str(path))} {shlex.quote(str(target))}")
                script.append(f"mount -o remount,bind,ro {shlex.quote(str(target))}")
        for place in PRIVATE:  # /tmp and /dev/shm last: the lab's own folder lies in one of them
            if place != "/tmp":
                script.append(f"mount --rbind {shlex.quote(str(self.dir / place[1:]))} {place}")
        for name in files:
            if Path("/etc", name).exists():
                script.append(f"mount --bind {shlex.quote(str(etc / name))} /etc/{name}")
        script.append("mount -t tmpfs tmpfs /var/tmp")
        script.append(f"mount --rbind {shlex.quote(str(self.dir / 'tmp'))} /tmp")
        script.append("mount -t tmpfs tmpfs /dev/shm")
        sh("nsenter", "-t", str(self.init), "-m", "-u", "-p", "bash", "-c", "\n".join(script))

    def stop(self) -> None:
        if self._anchor:
            self.thaw()
            end_helper(self._anchor)
            self._anchor = None
            for proc in self.procs:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    proc.wait(5)

    def _net(self, *args: str) -> str:
        """A command of the lab's in this host's network namespace only."""
        return sh("nsenter", "-t", str(self.init), "-n", *args)

    def _mnt(self, *args: str) -> str:
        """A command of the lab's in this host's mount namespace only."""
        return sh("nsenter", "-t", str(self.init), "-m", *args)

    def _argv(
        self,
        command: Command,
        env: Mapping[str, str] | None,
        user: str,
        cwd: str | None,
        fake_clock: bool | None,
    ) -> list[str]:
        home = HOME if user == "root" else f"/home/{user}"
        values = {
            "PATH": self.lab.path,
            "HOME": home,
            "USER": user,
            "LOGNAME": user,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **self.env,
            **(env or {}),
        }
        if self.fake_clock if fake_clock is None else fake_clock:
            values |= {
                "LD_PRELOAD": FAKETIME,
                "FAKETIME_TIMESTAMP_FILE": "/srv/clock",
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                # Else each timed wait by the monotonic clock ends at once: Python's threads spin for the interpreter's
                # lock then, and a daemon that loads something stands still for seconds.
                "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            }
        words = ["bash", "-c", command] if isinstance(command, str) else list(map(str, command))
        become = ["setpriv", "--pdeathsig", "KILL"]
        if user != "root":
            become += ["--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs"]
        enter = ["nsenter", "-t", str(self.init), "-n", "-m", "-u", "-i", "-p"]
        enter.append(f"--wdns={cwd or home}")
        return [*enter, *become, "env", "-i", *(f"{k}={v}" for k, v in values.items()), *words]

    def run(
        self,
        command: Command,
        *,
        check: bool = True,
        timeout: float = 60.0,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str | None = None,
        fake_clock: bool | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the host and wait; a string goes to bash. `user="mallory"`: a stranger."""
        argv = self._argv(command, env, user, cwd, fake_clock)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=input or "")
        if check and done.returncode:
            raise LabError(f"{self.name}: {command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def python(self, code: str, *args: str, **options: object) -> str:
        """Run Python source in the host (the lab's interpreter); its output."""
        return self.run([self.lab.python, "-c", code, *args], **options).stdout  # type: ignore[arg-type]

    def popen(
        self,
        command: Command,
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str | None = None,
        fake_clock: bool | None = None,
    ) -> Proc:
        """Start a command in the background; it ends with the host at the latest."""
        number = next(self.lab.numbers)
        first = command.split()[0] if isinstance(command, str) else str(command[0])
        name = name or f"{Path(first).name}-{number}"
        log = self.dir / "srv/log" / f"{name}.log"
        with log.open("ab") as out:
            runner = subprocess.Popen(
                self._argv(command, env, user, cwd, fake_clock),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        proc = Proc(self, name, runner, log)
        self.procs.append(proc)
        return proc

    def path(self, inside: str) -> Path:
        """Where a path of the host's lies for this process (its private /tmp too)."""
        return Path(f"/proc/{self.init}/root") / inside.lstrip("/")

    def pids(self) -> list[int]:
        """The host's processes without its init, as this process numbers them."""
        mine = os.readlink(f"/proc/{self.init}/ns/pid")
        found = []
        for pid in all_pids():
            with contextlib.suppress(OSError):
                if pid != self.init and os.readlink(f"/proc/{pid}/ns/pid") == mine:
                    found.append(pid)
        return found

    def signal_all(self, number: int) -> None:
        """Signal every process of the host; those that carry them from outside stay awake."""
        if number in (signal.SIGSTOP, signal.SIGCONT):
            for proc in self.procs:
                proc.pauses += 1
        for pid in self.pids():
            carrier = stat(pid)[1]
            send_signal(pid, number)
            if number != signal.SIGSTOP and carrier not in (0, self.init):
                send_signal(carrier, signal.SIGCONT)
