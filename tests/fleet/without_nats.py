"""Three hosts whose NATS server is off: it keeps frames as well, and is another channel's matter."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.fleet import Fleet, path_of
from tests.lab.tools import wait_for


@contextmanager
def three_without_nats() -> Iterator[Fleet]:
    """mac1 is the chief; all know all."""
    with Fleet(["mac1", "mac2", "mac3"]) as fleet:
        for node in fleet.nodes:
            home = path_of(node, "")
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            (home / "config.json").write_text('{"channels": {"off": ["nats"]}}')
            node.host.run("sync -f /srv/data")  # a power cut comes later
        fleet.found()
        for node in fleet.nodes:
            wait_for(lambda node=node: len(node.get("/peers")["peers"]) == 2, 60, 0.1, f"{node.name} knows all")
        yield fleet
