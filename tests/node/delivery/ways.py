"""mac1 and mac2 with every channel that carries frames between them, and the relay: real daemons, real servers, real
files. What goes from mac1 to mac2 goes by the channel that a test opens, and by no other.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from multifleet.channels.base import Carried, Channel, Parcel, Target
from multifleet.channels.nats import NatsChannel
from multifleet.channels.nats_config import queue_subject
from multifleet.channels.nats_servers import of_urls
from multifleet.core.receipts import State
from multifleet.core.relay_packets import Held, mark_of, packed
from multifleet.core.ssh_packets import SshTold
from multifleet.operations.views import TraceView
from tests.channels.git_world import Repository
from tests.channels.nats_server import nats_server
from tests.channels.sshd import Sshd
from tests.node.fleet import SOON, until
from tests.node.offering.pretended import Pretended
from tests.node.served import Daemon, Daemons

ROOT = Path(__file__).resolve().parents[3]
SEAT = "project"
AT_ONCE = 1.0
"""Seconds in which a NATS server gives what it gives without being asked."""


class Ways:
    """The sender, the recipient, and what may pass between them."""

    def __init__(self, chief: Daemon, mac1: Daemon, mac2: Daemon, nats: str) -> None:
        self.chief = chief
        self.mac1 = mac1
        self.mac2 = mac2
        self.open = ""
        """The channel from mac1 to mac2 that is not shut; it is once it has carried a message."""
        self.parcels: dict[str, Parcel] = {}
        """By message: what was carried first."""
        self._nats = nats
        self._deliver: dict[str, Callable[[Target, Parcel], Awaitable[Carried]]] = {}
        for channel in mac1.node.channels:
            self._stand_before(channel)

    def _stand_before(self, channel: Channel) -> None:
        reaches, deliver = channel.reaches, channel.deliver
        self._deliver[channel.name] = deliver

        def is_open(target: Target) -> str:
            if target.node != self.mac2.name:
                return reaches(target)
            return "" if channel.name == self.open else "shut"

        async def keep(target: Target, parcel: Parcel) -> Carried:
            done = await deliver(target, parcel)
            if parcel.ids and target.node == self.mac2.name:
                self.open = ""  # before the answer is known, upon which what lies elsewhere may be sent again
            for id in parcel.ids:
                self.parcels.setdefault(id, parcel)
            return done

        channel.reaches = is_open  # type: ignore[method-assign]
        channel.deliver = keep  # type: ignore[method-assign]

    async def send(self, channel: str, text: str, until_it_is: State) -> str:
        """A message that goes by this channel, once it is in that state; its id."""
        self.open = channel
        sent = await self.mac1.node.messages.send(f"mac2/{SEAT}", text)
        await self.wait(sent.id, until_it_is)
        self.open = ""
        return sent.id

    async def wait(self, id: str, state: State) -> TraceView:
        """The story of a message, once its sender knows that it is so far."""
        story = await self.mac1.node.messages.wait(id, state, SOON)
        assert story.reached, story
        return story

    async def carry(self, channel: str, parcel: Parcel) -> Carried:
        """The same bytes once more, as the sender's own channel carries them."""
        target = next(target for target in self.mac1.node.here.targets() if target.node == "mac2")
        async with asyncio.timeout(SOON):
            return await self._deliver[channel](target, parcel)

    async def fetch_letters(self) -> None:
        """mac2 looks into the git remote."""
        git = next(channel for channel in self.mac2.node.channels if channel.name == "git")
        assert "letters were there" in await git.mend(Target("anybody"))

    async def put_into_queue(self, *frames: bytes) -> None:
        """As a NATS server would that repeats what it had: to who is there, where it gave him something before, else to
        who comes to it anew."""
        from multifleet.channels.nats_wire import Wire

        (server,) = of_urls(self._nats)
        wire, before = await Wire.open(server, "broker"), self._replays()
        for frame in frames:
            await wire.say(queue_subject(self.mac2.node.members.fleet, "mac2", "mac1"), frame)
        assert await wire.live()
        wire.abort("that was all")
        try:
            await until(lambda: self._replays() >= before + len(frames), AT_ONCE)
        except TimeoutError:
            await _nats_of(self.mac2).mend(Target("anybody"))

    def _replays(self) -> int:
        return self.counted("frame_refused_replay") + self.counted("ask_refused_replay")

    async def bring_by_relay(self, frame: bytes) -> None:
        """As a relay would that never forgets."""
        held = Held(mark=mark_of(frame), frame=packed(frame))
        (taken,) = await self.chief.node.relaying.bring("mac2", [held], SOON)
        assert taken.done

    async def connected(self) -> None:
        """mac1 and mac2 have come to the NATS server, and its queue is open."""
        for daemon in (self.mac1, self.mac2):
            nats = _nats_of(daemon)
            await until(lambda nats=nats: nats._queue is not None)  # type: ignore[misc]
            if nats._fleet != daemon.node.members.fleet:  # it was in another one before it joined
                await nats.mend(Target("anybody"))
                await until(lambda nats=nats: nats._queue is not None)  # type: ignore[misc]

    def counted(self, name: str) -> int:
        """How often something was counted by mac2 since it was started."""
        return self.mac2.node.counters.snapshot().get(name, 0)


def _nats_of(daemon: Daemon) -> NatsChannel:
    (nats,) = (channel for channel in daemon.node.channels if isinstance(channel, NatsChannel))
    return nats


class Reader(Pretended):
    """A session at mac2 that reads all it is offered, and says so."""

    async def read(self) -> None:
        """Until cancelled."""
        done = 0
        while True:
            await self.offered(done + 1, timeout=10 * SOON)
            for line in self.lines[done:]:
                self.enter(line)
                self.answer("I have read it")
            done = len(self.lines)

    def times_offered(self, text: str) -> int:
        """In all that it was given."""
        return sum(line["message"]["content"].count(text) for line in self.lines)


@asynccontextmanager
async def ways_in(daemons: Daemons, sshd: Sshd, **of_mac2: object) -> AsyncIterator[tuple[Ways, Reader]]:
    """All of it up and connected."""
    folder = daemons.folder
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(nats_server(folder / "nats"))
        remote = {"remote": str(Repository(folder / "remote.git").path), "every": 3_600.0}
        common = {"natsUrl": nats, "git": remote, "mdns": False, "tailscale": False}
        chief, mac1 = daemons.new("chief", **common), daemons.new("mac1")
        mac2 = daemons.new("mac2", **common, **of_mac2)
        for daemon in (chief, mac2):
            await daemon.up()
        mac1.configure(**common, nodes={"mac2": _login(sshd, mac2)})
        await mac1.up()
        for daemon in (mac1, mac2):
            await daemon.node.join((await chief.node.invite([chief.address])).code, [])
        await until(lambda: all(len(list(one.node.members.others())) == 2 for one in (chief, mac1, mac2)))
        mac1.node.ssh.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home=str(mac2.home)))
        session = await stack.enter_async_context(Reader(mac2.home / "claude", folder / SEAT))
        reading = asyncio.create_task(session.read())
        stack.callback(reading.cancel)
        await mac2.node.seats.bind(SEAT, str(session.folder), False)
        ways = Ways(chief, mac1, mac2, nats)
        await ways.connected()
        yield ways, session


def _login(sshd: Sshd, daemon: Daemon) -> Mapping[str, object]:
    """How mac1 is configured to log in there."""
    command = ("env", f"MULTIFLEET_HOME={daemon.home}", f"PYTHONPATH={ROOT}", sys.executable, "-m", "multifleet")
    entry = sshd.entry(remote_command=command, port=daemon.port)
    return {name: value for name, value in msgspec.to_builtins(entry).items() if value not in (None, "", {})}
