"""Four hosts on two sites, and every way between two of them cut until one is left, by itself and in pairs.

One fleet is started for all of it; whoever is written to has a real Claude Code at work.
"""

import itertools
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fault import Fault
from tests.lab.fleet import drop_frame
from tests.lab.fleet_node import NODE_HOME
from tests.lab.forging import post_frame
from tests.lab.mock_anthropic import MockAPI
from tests.lab.program import ROOT
from tests.lab.recorded_frames import recorded_frames
from tests.lab.tools import wait_for
from tests.lab.two_sites import CUTTABLE, RELAY_PORT, TwoSites
from tests.starved import Starving

pytestmark = [pytest.mark.lab, pytest.mark.real_claude, pytest.mark.beside_one, pytest.mark.timeout(300)]

SEAT = "nine"
RACED = ("nats", "http", "relay")
ARRIVES_BY = {
    "nats": {"nats"},
    "http": {"http"},
    "relay": {"relay"},
    "ssh": {"seed", "ssh"},
    "git": {"git"},
}
"""What is left, and the channels that may then be named by the recipient's receipt."""
FIRST_RACED, FIRST_COLD, FOURTH = 2.0, 12.0, 1.0
"""Seconds: the first message where a raced channel is left and where none is, and the fourth one."""
HEALED = 30.0
WORKS = {"answers", "parked", "no way", "not tried"}
"""What `check` may say of a channel that nothing is wrong with."""


@pytest.fixture(scope="module")
def sites() -> Iterator[TwoSites]:
    with TwoSites() as made:
        yield made


def works(results: dict[str, str]) -> bool:
    """Whether nothing is wrong with any channel, and those answer that take their time to be there."""
    return set(results.values()) <= WORKS and results["nats"] == "answers"


@pytest.fixture(scope="module")
def api(sites: TwoSites) -> Iterator[MockAPI]:
    with mock_api_on(sites.recipient.host) as mock:
        yield mock


@pytest.fixture(scope="module")
def session(sites: TwoSites, api: MockAPI) -> Iterator[ClaudeOnHost]:
    """A session at the recipient, once every channel leads there; both take their time to be there, together."""
    with ThreadPoolExecutor(1) as beside:
        every_channel = beside.submit(wait_for, lambda: works(sites.try_all()), 60, 0.2, "every channel")
        with ClaudeOnHost(sites.recipient.host, api, project=SEAT, plugin=ROOT) as claude:
            wait_for(
                lambda: any(one["seat"] == SEAT for one in sites.recipient.get("/sessions?here=true")["sessions"]),
                60,
                what="the session",
            )
            every_channel.result()
            yield claude


@pytest.fixture(autouse=True)
def invariants(sites: TwoSites, session: ClaudeOnHost) -> Iterator[None]:
    """All faults are over after a test; nothing is lost, doubled or claimed, and every channel is tried."""
    yield
    sites.fleet.wait_drained()
    sites.fleet.check()
    sites.try_all()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message: how long its recipient's signed word took, without what those were kept from a processor through
    whose hands it goes one after the other; and by which channel it came."""

    id: str
    took: float
    channel: str


def write(sites: TwoSites, to: str = "", within: float = 30.0, **fields: object) -> Arrival:
    """Send one message, and wait for the signed word that it is stored."""
    sender = sites.sender
    handed_on = Starving(os.getpid(), sender.daemon.pid, sites.recipient.daemon.pid)
    relays = [Starving(node.daemon.pid) for node in (sites.chief, sites.third)]
    began = time.monotonic()
    id = sender.send(to or sites.recipient.name, f"by whatever way {began}", **fields)
    sender.told(id, "stored", within)
    took = time.monotonic() - began
    took -= handed_on.seconds + max(one.seconds for one in relays)
    [event] = [event for event in sender.trace(id, verify=True)["events"] if event["state"] == "stored"]
    assert event["verified"] is True and event["by"] == sites.recipient.name
    return Arrival(id, took, event["channel"])


def all_but(left: str) -> tuple[str, ...]:
    """Every other channel."""
    return tuple(channel for channel in CUTTABLE if channel != left)


@pytest.mark.parametrize("left", CUTTABLE)
def test_each_channel_by_itself_brings_a_message_to_a_real_session(
    sites: TwoSites, session: ClaudeOnHost, api: MockAPI, left: str
) -> None:
    with sites.cut(*all_but(left)):
        first = write(sites, f"{sites.recipient.name}/{SEAT}")
        assert first.channel in ARRIVES_BY[left]
        assert first.took <= (FIRST_RACED if left in RACED else FIRST_COLD)
        if left != "git":  # what lies there is looked for every few seconds
            write(sites)
            write(sites)
            fourth = write(sites)
            assert fourth.channel in ARRIVES_BY[left]
            assert fourth.took <= FOURTH
        sites.sender.wait_state(first.id, "seen", 60)


@pytest.mark.usefixtures("session")
def test_of_the_two_that_go_over_ssh_each_by_itself_brings_a_message_to_a_real_session(sites: TwoSites) -> None:
    # Who logs in at the sender takes along what waits there for it, by either of the two.
    with sites.cut(*all_but("ssh")), sites.cut_one_way("ssh", sites.recipient, sites.sender):
        for left, gone in (("seed", "ssh"), ("ssh", "seed")):
            with sites.without(gone):
                arrival = write(sites, f"{sites.recipient.name}/{SEAT}")
                assert arrival.channel == left
                assert arrival.took <= FIRST_COLD
                sites.sender.wait_state(arrival.id, "seen", 60)


@pytest.mark.parametrize("pair", list(itertools.combinations(CUTTABLE, 2)), ids="+".join)
def test_with_any_two_cut_the_first_message_is_there_in_two_seconds(sites: TwoSites, pair: tuple[str, str]) -> None:
    with sites.cut(*pair):
        arrival = write(sites)
    assert arrival.took <= FIRST_RACED
    assert not any(arrival.channel in ARRIVES_BY[cut] for cut in pair)


def test_ssh_alone_needs_no_daemon_there(sites: TwoSites) -> None:
    sites.recipient.kill()
    try:
        id = sites.sender.send(sites.recipient.name, "nobody is up")
        wait_for(lambda: {"sent", "stored"} & set(sites.sender.states(id)), FIRST_COLD, 0.05, "parked or stored")
    finally:
        sites.recipient.up()
    sites.sender.wait_state(id, "stored", 60)


@pytest.mark.parametrize("towards_recipient", [True, False], ids=["there", "back"])
def test_one_direction_of_http_is_dead_and_both_write_to_each_other(sites: TwoSites, towards_recipient: bool) -> None:
    one, other = sites.sender, sites.recipient
    if not towards_recipient:
        one, other = other, one
    with sites.cut("nats", "relay", "git"), sites.cut_one_way("http", one, other):
        for node, to in ((sites.sender, sites.recipient), (sites.recipient, sites.sender)):
            id = node.send(to.name, "over half a wire")
            node.wait_state(id, "stored", FIRST_COLD)


def test_a3_a_recorded_frame_played_again_on_any_way_in_is_shown_no_second_time(sites: TwoSites) -> None:
    sender, recipient = sites.sender, sites.recipient
    with sites.fleet.lab.capture("tcp port 8855", interface="br1") as wire, sites.cut("nats", "relay"):
        sent = write(sites)
    assert sent.channel == "http"
    own = f"mf1 {sender.name} {recipient.name} ".encode()
    frames = [frame for frame in recorded_frames(wire.path, recipient.host) if frame.startswith(own)]
    assert frames
    before, refused = recipient.rows("SELECT count(*) FROM inbox"), recipient.counted("frame_refused_replay")
    told: dict[str, set[int]] = {"http": set(), "relay": set(), "ssh": set()}
    for number, frame in enumerate(frames):
        told["http"].add(post_frame(sender, recipient, frame)[0])
        told["relay"].add(post_frame(sender, recipient, frame, port=RELAY_PORT)[0])
        recipient.host.path("/tmp/frame").write_bytes(frame)
        receive = f"MULTIFLEET_HOME={NODE_HOME} multifleet receive --json --by ssh </tmp/frame"
        told["ssh"].add(json.loads(recipient.host.run(receive, check=False).stdout)["status"])
        place = drop_frame(recipient, frame, number)
        wait_for(lambda place=place: not place.exists(), 60, what="the drop folder to be looked into")
    assert 409 in told["http"] and 409 in told["relay"], told
    assert set().union(*told.values()) <= {200, 202, 409}, "a frame without a message is read again, a late one later"
    wait_for(lambda: recipient.counted("frame_refused_replay") >= refused + 4, 60, what="refused on each of four ways")
    assert recipient.rows("SELECT count(*) FROM inbox") == before
    assert recipient.rows("SELECT count(*) FROM inbox WHERE id = ?", sent.id) == [(1,)]


def f9(sites: TwoSites, how: str) -> Fault:
    """HTTP and NATS are gone; SSH and the relays are not."""
    return sites.cut("http", "nats", how=how)


@pytest.mark.parametrize(("how", "first_within"), [("drop", FIRST_RACED), ("reset", FIRST_COLD / 12)])
def test_http_and_nats_are_gone_and_heal_by_themselves(sites: TwoSites, how: str, first_within: float) -> None:
    with f9(sites, how):
        arrivals = [write(sites) for _ in range(4)]
        assert arrivals[0].took <= first_within
        assert arrivals[3].took <= FOURTH
        assert {arrival.channel for arrival in arrivals} <= {"relay", "seed", "ssh"}
    began = time.monotonic()
    sites.wait_healthy("http", "nats", timeout=HEALED)
    assert time.monotonic() - began <= HEALED
