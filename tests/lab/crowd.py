"""Many daemons on one host, each at a loopback address of its own, joined by codes: they share only the machine."""

import json
from collections.abc import Sequence
from types import TracebackType

from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.lab import Lab
from tests.lab.members import wait_met
from tests.lab.program import ROOT, program

QUIET = {"keys": "file"}
"""What is set at each of them: no keyring is asked."""


def address_of(number: int) -> str:
    """The loopback address of a member of the crowd, from 1."""
    return f"127.0.{number // 250}.{number % 250 + 2}"


class Crowd:
    """`with Crowd(30) as crowd`: that many daemons are up and see each other alive."""

    def __init__(self, size: int) -> None:
        program()
        self.lab = Lab(["crowd"], expose=[ROOT])
        self.size = size
        self.nodes: list[FleetNode] = []

    def __enter__(self) -> "Crowd":
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
        host = self.lab["crowd"]
        host.env["PATH"] = f"{program().parent}:{self.lab.path}"
        for number in range(1, self.size + 1):
            node = FleetNode(host, f"n{number:02}", f"/srv/data/n{number:02}")
            folder = host.dir / node.home.lstrip("/")
            folder.mkdir(mode=0o700)
            config = QUIET | {"nodeId": node.name, "bind": [address_of(number)], "port": PORT}
            (folder / "config.json").write_text(json.dumps(config))
            self.nodes.append(node)
        homes = " ".join(node.home for node in self.nodes)
        host.run(f"for home in {homes}; do MULTIFLEET_HOME=$home multifleet init & done; wait", timeout=120)
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_up()
        join(self.nodes)

    def others(self, *without: FleetNode) -> list[FleetNode]:
        """All but these."""
        return [node for node in self.nodes if node not in without]


def join(nodes: Sequence[FleetNode], timeout: float = 60.0) -> None:
    """Let all others into the fleet of the first, and wait until all have met."""
    first, *others = nodes
    for node in others:
        status, made = first.request("POST", "/invite", {})
        assert status == 200, made
        status, joined = node.request("POST", "/join-fleet", {"code": made["code"]}, timeout=30)
        assert status == 200, joined
    wait_met(nodes, timeout)
