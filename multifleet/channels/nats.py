"""NATS: a request to the peer's daemon over a server that both are connected to; a queue there for peers that are away.

The server is the user's own (`natsUrl`), else the chief's. This node holds one connection, opened and proved alive in
the background: a delivery never waits for one.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.nats_config import request_subject
from multifleet.channels.nats_host import TICK, NatsHost
from multifleet.channels.nats_place import NatsPlace, NoServer, Place
from multifleet.channels.nats_queue import NatsQueue
from multifleet.channels.nats_shares import NatsShares, NoQueue
from multifleet.channels.nats_taking import NatsTaking
from multifleet.channels.witness import Witness
from multifleet.core.nats_packets import NatsAsk, NatsTold
from multifleet.loading import load

if TYPE_CHECKING:
    from multifleet.channels.nats_wire import Wire

ANSWER_SECONDS = 3.0
PROVED_SECONDS = 4.0
"""Between two round trips to the server."""
FIRST_QUEUE, LONGEST_QUEUE = 1.0, 60.0
"""Until the next try to open the queue: a cluster that chooses a leader has one again soon, many servers never."""
TIDY_SECONDS = 60.0
"""Between two looks at what the server keeps, and for whom; the first ones are sooner where something goes wrong."""
FIRST_REST, LONGEST_REST, LATER_REST = 0.1, 5.0, 15.0
"""Seconds until the next try to connect; the last where it has been in vain for a minute."""
A_MINUTE = 60.0
GRACE, COMING = 10.0, 2.0
"""Seconds in which a member may still be on its way to the server: of whom nothing is known, and of who has asked."""


class NatsChannel:
    """P1."""

    name: ClassVar[str] = "nats"

    def __init__(self, *, tick: float = TICK, grace: float = GRACE) -> None:
        self._tick = tick
        self._grace = grace
        self._wire: Wire | None = None
        self._queue: NatsQueue | None = None
        self._shares: NatsShares | None = None
        self._fleet = ""
        self._no_queue = self._told = ""
        self._why = "not connected to a NATS server yet"
        self._was_connected = False
        self._tried_from: dict[str, float] = {}
        self._servers = Witness()
        self._fault = ""
        """Why there is no connection, once one was tried."""
        self._doubt = asyncio.Event()
        self._again = asyncio.Event()
        self._connected = asyncio.Event()

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Look for a server, and be one where this node is the chief; all in the background."""
        self._here = here
        self._taking = NatsTaking(here, self.name, lambda sender: self._try_soon(sender, 0.0))
        self._host = NatsHost(here, tick=self._tick)
        self._host.ready = self._let
        self._place = NatsPlace(here, self._host)
        if self.name in here.config.channels.off:
            self._why = "turned off in the configuration"
            return
        here.serve(NatsAsk, self._tell)
        if not here.config.natsUrl:
            here.spawn("nats server", self._host.run)
        here.spawn("nats", self._run)
        stack.push_async_callback(self._stop)

    def reaches(self, target: Target) -> str:
        """A server that has never been there is no broken one, nor is a peer that had no time to come to it."""
        if not self._was_connected:
            return self._why
        now = self._here.monotonic()
        if now >= self._tried_from.setdefault(target.node, now + self._grace):
            return ""
        return f"{target.node} may not have come to the NATS server yet"

    def try_anew(self, target: Target) -> None:
        """Where there is no connection, the next one is tried now; one that there is has to prove itself."""
        self._again.set()
        self._doubt.set()

    def witness(self, target: Target) -> Witness:
        """The servers at which both are to meet, and why this node is not there."""
        return replace(self._servers, fault=self._fault)

    def complaint(self) -> str:
        """That the configured servers do not let this node in."""
        return f"natsUrl: {self._fault}" if self._fault and self._here.config.natsUrl else ""

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Ask the peer's daemon; where it is away, lay the frame into its queue."""
        wire, queue = self._wire, self._queue
        if wire is None:
            raise ChannelError(self._why)
        if self._fleet != self._here.fleet():
            self._doubt.set()
            raise ChannelError("this node has just come to another fleet, and is not connected for that one yet")
        from multifleet.channels.nats_wire import NobodyListens, WireError

        if len(parcel.frame) > wire.max_payload:
            raise ChannelError(f"the NATS server takes at most {wire.max_payload} bytes: raise max_payload there")
        deadline = self._here.monotonic() + ANSWER_SECONDS
        where = f"NATS server {wire.server.name}"
        try:
            subject = request_subject(self._fleet, target.node)
            answer: bytes = (await wire.ask(subject, parcel.frame, ANSWER_SECONDS)).data
        except NobodyListens:
            absent = f"{target.node} is not connected to the {where}"
        except WireError as error:
            self._doubt.set()
            raise ChannelError(str(error), unknown=error.unknown) from None
        else:
            if not answer.startswith(b"mf1 "):
                raise ChannelError(f"{where}: what answers does not know this node, or not by this key")
            self._try_soon(target.node, 0.0)
            return Carried(Success.ANSWERED, answer, where)
        if target.is_there or not parcel.ids:
            # Who is heard another way is not made to wait until it looks into its queue.
            raise ChannelError(absent)
        if queue is None:
            raise ChannelError(f"{absent}, which keeps no queue")
        try:
            await queue.put(target.node, parcel.frame, parcel.ids, max(0.1, deadline - self._here.monotonic()))
        except NoQueue as error:
            if error.unknown:
                self._doubt.set()
            raise ChannelError(f"{absent}, and {error}", unknown=error.unknown) from None
        return Carried(Success.PARKED, where=f"the queue of the {where}")

    async def mend(self, target: Target) -> str:
        """A new connection, and where this node has the server and it is no good, a new server."""
        words = []
        wire = self._wire
        sound = wire is not None and await wire.live()
        if self._host.is_wanted() and not self._here.config.natsUrl and not (self._host.runs and sound):
            words.append(await self._host.restart())
        self._place.forget()
        self._connected.clear()
        if wire is not None:
            wire.abort("it was made anew")
        self._again.set()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._connected.wait()
        except TimeoutError:
            words.append(f"no connection to a NATS server yet: {self._why}")
        else:
            words.append("connected anew to the NATS server")
        return "; ".join(words)

    def _try_soon(self, node: str, seconds: float) -> None:
        now = self._here.monotonic()
        if node in self._tried_from or node == self._here.chief():
            self._tried_from[node] = min(self._tried_from.get(node, now + seconds), now + seconds)

    async def _tell(self, peer: str, asked: NatsAsk) -> NatsTold:
        if self._here.config.natsUrl:
            return NatsTold(problem=f"{self._here.node} uses another NATS server: set natsUrl here as it is set there")
        told = await self._host.told(peer)
        if told.port:
            self._tried_from.setdefault(peer, self._here.monotonic() + COMING)
            self._try_soon(peer, COMING)
        return told

    async def _let(self, peer: str) -> None:
        if self._shares is not None:
            try:
                await self._shares.make(peer)
            except NoQueue as error:
                self._here.count("nats_no_queue", peer=peer, reason=error)

    async def _run(self) -> None:
        """One connection after the other, as long as the node runs."""
        rest, in_vain_since = FIRST_REST, self._here.monotonic()
        while True:
            self._again.clear()
            try:
                place = await self._place.find()
            except NoServer as error:
                self._why, self._fault = str(error), ""
                if await self._rest(error.again):
                    rest = FIRST_REST
                continue
            began = self._here.monotonic()
            if await self._connect(place):
                in_vain_since = self._here.monotonic()
                rest = FIRST_REST if in_vain_since - began > LONGEST_REST else rest
            else:
                self._place.forget()
            if await self._rest(rest):
                rest, in_vain_since = FIRST_REST, self._here.monotonic()  # the chief is back, and its server soon
            else:
                rest = min(2 * rest, LONGEST_REST if self._here.monotonic() - in_vain_since < A_MINUTE else LATER_REST)

    async def _connect(self, place: Place) -> bool:
        """Hold a connection to one of the servers until it ends; False where there was none."""
        await load("multifleet.channels.nats_wire")
        from multifleet.channels.nats_wire import Wire, WireError

        reasons = []
        names = tuple(server.name for server in place.servers)
        self._servers = Witness(servers=names, server_is_here=place.chief == self._here.node)
        for server in place.servers:
            try:
                wire = await Wire.open(server, self._here.node)
            except WireError as error:
                reasons.append(str(error))
                continue
            try:
                await self._hold(wire, place)
            except WireError as error:
                reasons.append(str(error))
                continue
            finally:
                self._wire = self._queue = self._shares = None
                self._connected.clear()
                was_cut = wire.closed.is_set()
                wire.abort("it is not used any more")
                self._why = f"the connection to the NATS server {server.name} ended: {wire.why}"
                self._fault = self._why if was_cut else ""
            self._here.count("nats_connection_ended", server=server.name, reason=wire.why)
            return True
        self._why = self._fault = "; ".join(reasons[:3])
        if self._why != self._told:  # in vain for days, it is one line and not thousands
            self._here.count("nats_not_connected", reason=self._why)
        self._told = self._why
        return False

    async def _hold(self, wire: "Wire", place: Place) -> None:
        fleet = self._fleet = place.fleet
        await wire.hear(request_subject(fleet, self._here.node), partial(self._taking.take, wire))
        if not await wire.live():  # once that came back, the server has heard of the subscription
            return
        self._wire, self._fault = wire, ""
        self._was_connected = True
        self._try_soon(place.chief, 0.0)
        self._connected.set()
        self._told = ""
        self._here.count("nats_connected")
        dropped = 0
        pause, due = FIRST_QUEUE, self._here.monotonic()
        members, tidy, soon = place.keeps_for(), due, FIRST_QUEUE
        while await wire.live() and self._place.is_still(place):
            if self._queue is None and self._here.monotonic() >= due:
                self._queue = await self._open_queue(wire, place)
                pause, due = min(2 * pause, LONGEST_QUEUE), self._here.monotonic() + pause
            elif self._shares is not None and (self._here.monotonic() >= tidy or members != place.keeps_for()):
                members, sound = place.keeps_for(), await self._keep(self._shares, place)
                tidy = self._here.monotonic() + (TIDY_SECONDS if sound else soon)
                soon = FIRST_QUEUE if sound else min(2 * soon, TIDY_SECONDS)
            if wire.dropped > dropped:
                self._here.count("nats_dropped", messages=wire.dropped - dropped, reason="they came too fast")
                dropped = wire.dropped
            next_look = due if self._queue is None else tidy if self._shares is not None else inf
            await self._until_doubt(wire, min(max(0.1, next_look - self._here.monotonic()), PROVED_SECONDS))

    async def _until_doubt(self, wire: "Wire", seconds: float) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (wire.closed, self._doubt)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._doubt.clear()

    async def _open_queue(self, wire: "Wire", place: Place) -> NatsQueue | None:
        queue = NatsQueue(wire, place.fleet, self._here.node)
        shares = NatsShares(wire, place.fleet, replicas=place.replicas, is_host=place.is_host)
        try:
            if place.keeps_for():
                self._no_share(await shares.keep(place.keeps_for(), place.is_gone))
                await shares.hear(place.keeps_for, self._no_share)
                self._shares = shares
            await queue.take_with(self._taking.take_queued, self._here.count)
        except NoQueue as error:
            if str(error) != self._no_queue:
                self._here.count("nats_no_queue", reason=error)
            self._no_queue = str(error)
            return None
        self._no_queue = ""
        return queue

    async def _keep(self, shares: NatsShares, place: Place) -> bool:
        try:
            fault = await shares.keep(place.keeps_for(), place.is_gone)
        except NoQueue as error:
            fault = str(error)
        self._no_share(fault)
        return not fault

    def _no_share(self, reason: str) -> None:
        if reason:
            self._here.count("nats_no_share", reason=reason)

    async def _rest(self, seconds: float) -> bool:
        """Wait; a little shorter or longer than others do, so that not all come at once. True where that ended because
        something is otherwise than before."""
        seconds *= 0.5 + self._here.random(1)[0] / 255
        until = self._here.monotonic() + seconds
        before = self._place.outlook()
        while (left := until - self._here.monotonic()) > 0 and self._place.outlook() == before:
            try:
                async with asyncio.timeout(min(left, self._tick)):
                    await self._again.wait()
                return False
            except TimeoutError:
                continue
        return self._place.outlook() != before

    async def _stop(self) -> None:
        if self._wire is not None:
            self._wire.abort("the node stops")
        await self._taking.end()
        await self._host.end()
