"""What can go wrong with a host as a whole: frozen, crashed, asleep, short of memory, with a wrong clock."""

from __future__ import annotations

import shutil
import signal
import time

from tests.lab.fault import Fault
from tests.lab.network_faults import NetworkFaults


class MachineFaults(NetworkFaults):
    """Faults of the machine and its clock."""

    def freeze(self) -> Fault:
        """SIGSTOP every process of the host; the kernel still answers ARP and accepts TCP."""
        self._count_pauses()
        self.signal_all(signal.SIGSTOP)
        return Fault(f"{self.name} frozen", [self.thaw])

    def thaw(self) -> None:
        """SIGCONT every process of the host."""
        self._count_pauses()
        self.signal_all(signal.SIGCONT)

    def _count_pauses(self) -> None:
        """Before they stop, or go on: who asked them meanwhile knows why it waited."""
        for proc in self.procs:
            proc.pauses += 1

    def crash(self) -> None:
        """SIGKILL every process of the host at once; files stay as the programs left them."""
        while self.pids():
            self.signal_all(signal.SIGKILL)
            time.sleep(0.002)
        for proc in self.procs:
            proc.wait()
        self.procs = []

    def reboot(self) -> None:
        """Crash, and come up with an empty /tmp and /run, as after a restart of the machine."""
        self.crash()
        for place in ("tmp", "run"):
            for item in (self.dir / place).iterdir():
                if any(exposed.is_relative_to(f"/{place}/{item.name}") for exposed in self.lab.expose):
                    continue
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
        (self.dir / "run/sshd").mkdir(exist_ok=True)

    def sleep(self) -> Fault:
        """Suspend: all processes stopped, link dark; a Wake-on-LAN packet for its MAC wakes it."""
        self.freeze()
        self.lab.switch_command("ip", "link", "set", self.port, "down")
        self._asleep = True
        self.lab.watch_wol()
        return Fault(f"{self.name} asleep", [self.wake])

    def wake(self) -> None:
        """What the network card does on a magic packet: link up, processes go on."""
        if self._asleep:
            self._asleep = False
            self._plug()
            self.thaw()

    @property
    def asleep(self) -> bool:
        """Whether it sleeps."""
        return self._asleep

    def set_clock(self, seconds: float) -> Fault:
        """Set the wall clock off by so much, at once, for processes started with `fake_clock`.

        The monotonic clock is left alone, as a real clock step leaves it. Static binaries (Go's
        nats-server) do not see it.
        """
        (self.dir / "srv/clock").write_text(f"{seconds:+.3f}\n")
        self.fake_clock = True
        return Fault(f"{self.name} clock {seconds:+g} s", [lambda: self.set_clock(0)])
