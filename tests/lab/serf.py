"""Debian's serf, by the authors of Lifeguard, as many agents on one host: what presence is compared with."""

import shutil
import time
from collections.abc import Callable, Iterable
from types import TracebackType

from tests.lab.crowd import address_of
from tests.lab.lab import Lab
from tests.lab.proc import Proc
from tests.lab.tools import LabError

EVERY = 0.05
"""Seconds between two looks at one agent's log."""


class SerfCrowd:
    """`with SerfCrowd(30) as serf`: that many agents, with serf's own settings for a local network, that have met."""

    def __init__(self, size: int) -> None:
        if not shutil.which("serf"):
            raise LabError("no serf here: apt-get install serf")
        self.lab = Lab(["serfs"])
        self.size = size
        self.agents: dict[str, Proc] = {}

    def __enter__(self) -> "SerfCrowd":
        self.lab.__enter__()
        try:
            self._start()
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lab.close()

    def _start(self) -> None:
        for number in range(1, self.size + 1):
            name, address = f"s{number:02}", address_of(number)
            words = ["serf", "agent", f"-node={name}", f"-bind={address}:7946", f"-rpc-addr={address}:7373"]
            words += [f"-retry-join={address_of(1)}:7946", "-retry-interval=1s"]
            self.agents[name] = self.lab["serfs"].popen(words, name=name)
        for name in self.agents:
            self.wait(lambda log, name=name: f"EventMemberJoin: {name} " in log, self.agents, 60)

    def kill(self, name: str) -> float:
        """SIGKILL for one agent; seconds until all others have said that it failed."""
        self.agents.pop(name).kill()
        return self.wait(lambda log: f"EventMemberFailed: {name} " in log, self.agents, 60)

    def wait(self, said: Callable[[str], bool], names: Iterable[str], timeout: float) -> float:
        """Seconds until the log of each of these agents says so."""
        began = time.monotonic()
        for name in names:
            while not said(self.agents[name].output):
                if time.monotonic() - began > timeout:
                    raise LabError(f"not within {timeout:g} s at {name}: {self.agents[name].output[-2000:]}")
                time.sleep(EVERY)
        return time.monotonic() - began
