"""One real daemon among many members that one process plays, and what its company costs it."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.crowd import QUIET, address_of
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.lab import Lab
from tests.lab.members import wait_all
from tests.lab.program import ROOT, program

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the real daemon, while nothing happens."""

    processor: float
    """Share of one, in percent."""
    memory: int
    """Bytes resident."""
    sent: float
    """Bytes a minute: payload of its datagrams, frames included."""
    received: float


def company_costs(members: int, seconds: float, *, settle: float = 15.0) -> Cost:
    """What a daemon costs that has so many members beside it, over so many seconds."""
    program()
    with Lab(["crowd"], expose=[ROOT]) as lab:
        host = lab["crowd"]
        host.env["PATH"] = f"{program().parent}:{lab.path}"
        node = FleetNode(host, "real", "/srv/data/real")
        folder = host.dir / node.home.lstrip("/")
        folder.mkdir(mode=0o700)
        config = QUIET | {"nodeId": node.name, "bind": [address_of(1)], "port": PORT}
        (folder / "config.json").write_text(json.dumps(config))
        node.cli("init")
        node.up()
        codes = [node.request("POST", "/invite", {})[1]["code"] for _ in range(members)]
        (host.dir / "srv/codes").write_text("\n".join(codes) + "\n")
        (host.dir / "srv/fakes").mkdir()
        python = ROOT / ".venv" / "bin" / "python"
        fakes = host.popen(
            f"exec {python} -m tests.lab.fake_members /srv/fakes {node.name} {members} < /srv/codes",
            name="fakes",
            env={"PYTHONPATH": str(ROOT)},
            cwd=str(ROOT),
        )
        fakes.wait_output("^joined", 60 + members)
        _wait_met(node, members)
        node.kill()
        node.up()  # what so many joins at once leave to be passed on for minutes is no part of a quiet fleet
        _wait_met(node, members)
        time.sleep(settle)
        before, began = (_processor(node), *_bytes(fakes.output)), time.monotonic()
        time.sleep(seconds)
        after, took = (_processor(node), *_bytes(fakes.output)), time.monotonic() - began
        used, sent, received = (late - early for late, early in zip(after, before, strict=True))
        memory = int(Path(f"/proc/{node.daemon.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return Cost(100 * used / took, memory, sent * 60 / took, received * 60 / took)


def _wait_met(node: FleetNode, members: int) -> None:
    wait_all(
        [node],
        lambda found: sum(one["state"] == "alive" for one in found.values()) == members + 1,
        60,
        "all alive",
    )


def _processor(node: FleetNode) -> float:
    words = Path(f"/proc/{node.daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def _bytes(output: str) -> tuple[int, int]:
    """Up to the last line: (what the fakes received, what they sent)."""
    last = output.rsplit("bytes ", 1)[1].split()
    return int(last[1]), int(last[2])
