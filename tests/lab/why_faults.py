"""The faults behind every cause of `why`: each yields, in words, what was done to the fleet, and is undone after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.fleet_node import PORT
from tests.lab.tools import wait_for
from tests.lab.why_lab import PEER, THIRD, WhyLab


@contextmanager
def clock_ahead(lab: WhyLab) -> Iterator[str]:
    with lab.peer.host.set_clock(600):
        yield "its clock was set 10 min ahead while it runs"


@contextmanager
def started_behind(lab: WhyLab) -> Iterator[str]:
    lab.stop()
    with lab.peer.host.set_clock(-600):
        lab.start()
        yield "it was started with a clock that is 10 min behind"
        lab.stop()


@contextmanager
def disk_full(lab: WhyLab) -> Iterator[str]:
    with lab.peer.fill_disk():
        yield "no byte is left on its disk"


@contextmanager
def nats_stopped(lab: WhyLab) -> Iterator[str]:
    with lab.without_nats():
        yield f"the NATS server on {lab.topology.nats} is stopped"


@contextmanager
def daemon_stopped(lab: WhyLab) -> Iterator[str]:
    lab.stop()
    yield "its daemon was told to stop"


@contextmanager
def newer_version(lab: WhyLab) -> Iterator[str]:
    lab.stop()
    lab.start_other_version({"__init__.py": ('"0.1.0"', '"0.2.0"')})
    lab.wait_through()
    yield "it runs another version"
    lab.stop()


@contextmanager
def foreign_version(lab: WhyLab) -> Iterator[str]:
    lab.stop()
    lab.start_other_version(
        {
            "__init__.py": ('"0.1.0"', '"0.2.0"'),
            "core/packets.py": ('tag="request"', 'tag="request2"'),
            "core/asks.py": ('tag="ask"', 'tag="ask2"'),
        }
    )
    lab.wait_heard()
    yield "it runs a version that speaks of other packets"
    lab.stop()


@contextmanager
def set_up_anew(lab: WhyLab) -> Iterator[str]:
    lab.stop()
    with lab.set_up_anew():
        yield "a node of its name with another key runs there"


@contextmanager
def asleep(lab: WhyLab) -> Iterator[str]:
    wait_for(lambda: lab.bus.inhibitors().count("multifleet") == 1, 30, 0.05, "it listens to logind")
    lab.bus.says_sleep(True)
    wait_for(lambda: lab.state() == "asleep", 30, 0.02, f"{PEER} asleep")
    with lab.peer.host.sleep():
        yield "logind said that it sleeps, and it does"
    lab.bus.says_sleep(False)


@contextmanager
def moved(lab: WhyLab) -> Iterator[str]:
    net, _, number = lab.peer.host.ip.rpartition(".")
    with lab.peer.host.change_ip(f"{net}.{int(number) + 100}"):
        yield "it has another address"


@contextmanager
def port_refused(lab: WhyLab) -> Iterator[str]:
    with lab.peer.host.block_port(PORT, how="reset"):
        yield "its port is refused to all"


@contextmanager
def port_silent(lab: WhyLab) -> Iterator[str]:
    with lab.peer.host.block_port(PORT, source=lab.asker.host):
        yield "its port is silent to the asker alone"


@contextmanager
def own_port_refused(lab: WhyLab) -> Iterator[str]:
    with lab.asker.host.block_port(PORT, how="reset", source=lab.peer.host):
        yield "the asker's port is refused to it"


@contextmanager
def large_lost_to_peer(lab: WhyLab) -> Iterator[str]:
    with lab.peer.host.block_large(source=lab.asker.host):
        yield "large packets from the asker to it are lost"


@contextmanager
def large_lost(lab: WhyLab) -> Iterator[str]:
    with lab.peer.host.block_large():
        yield "large packets of all to it and from it are lost"


@contextmanager
def large_lost_from_peer(lab: WhyLab) -> Iterator[str]:
    with lab.asker.host.block_large(source=lab.peer.host):
        yield "large packets from it to the asker are lost"


@contextmanager
def other_host_key(lab: WhyLab) -> Iterator[str]:
    with lab.other_host_key():
        yield "its SSH server has another host key"


@contextmanager
def chief_stopped(lab: WhyLab) -> Iterator[str]:
    lab.third.daemon.stop()
    yield f"the daemon of {THIRD}, the chief, was told to stop"
    lab.third.up()


@contextmanager
def chief_gone(lab: WhyLab) -> Iterator[str]:
    lab.third.daemon.stop()
    yield f"the daemon of {THIRD}, the chief, was told to stop, and does not come back"


@contextmanager
def chief_killed(lab: WhyLab) -> Iterator[str]:
    lab.peer.kill()
    yield "its daemon was killed; it is the chief itself"


@contextmanager
def revoked(lab: WhyLab) -> Iterator[str]:
    status, said = lab.asker.request("POST", "/revoke", {"node": PEER, "reason": "stolen"})
    assert status == 200, said
    yield "the asker has put it out"


@contextmanager
def asker_revoked(lab: WhyLab) -> Iterator[str]:
    status, said = lab.third.request("POST", "/revoke", {"node": lab.asker.name, "reason": "stolen"})
    assert status == 200, said
    yield f"{THIRD} has put the asker out"


@contextmanager
def nothing(lab: WhyLab) -> Iterator[str]:
    yield "nothing"


@contextmanager
def gate_opened(lab: WhyLab) -> Iterator[str]:
    lab.open_gate()
    lab.ready()
    lab.meet_back()
    yield "nothing, and the sites reach each other"
