"""P3: through the chief, or any third machine that both ends hear: it passes a sealed frame on, or keeps it.

This is the end that sends, and the end that takes: the relay between them is the node's (node/relaying/).
"""

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.connections import Connections
from multifleet.channels.race import first_of
from multifleet.channels.relay_choice import RelayChoice
from multifleet.channels.relay_line import RelayLine, answered_by, relays_are_barred
from multifleet.channels.relay_taking import RelayTaking
from multifleet.core.frame import FrameRefused, read_header
from multifleet.core.packets import EXPIRES_LIMIT, BadPacket
from multifleet.core.relay_packets import INNER_LIMIT, RelayPut, RelayTook, packed, unpacked

STAGGER = 0.7
"""Seconds of one relay's silence after which the next one is asked as well."""
PATIENCE = 2.0
"""Seconds that the recipient has to answer a relay, before the frame is kept there."""
LOOK = 1.0
"""Seconds between two looks at who might be a relay."""
_NOBODY = "there is no third machine that could pass it on"
PUT_SECONDS = 4.5
"""For a relay to say what became of a frame; little less than the channel's own time."""


class _NotHeard(ChannelError):
    """This relay would keep the frame, but does not hear its recipient."""

    def __init__(self, relay: Target, target: Target) -> None:
        super().__init__(f"it does not hear {target.node}")
        self.relay = relay


class RelayChannel:
    """P3."""

    name: ClassVar[str] = "relay"

    def __init__(self, connections: Connections | None = None) -> None:
        self._connections = connections or Connections()
        self._choice = RelayChoice()
        self._third: frozenset[str] = frozenset()
        self._looked_at = float("-inf")
        self._started = False
        self._here: Here
        self._line: RelayLine
        self._taking: RelayTaking

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """From now on this node asks for its mail, and takes what is brought."""
        self._here = here
        self._started = True
        self._line = RelayLine(here, self._connections)
        self._taking = RelayTaking(here, self._line)
        if self.name not in here.config.channels.off:
            self._taking.start()

    def reaches(self, target: Target) -> str:
        """There is a way wherever there is a third machine."""
        if relays_are_barred():
            return "no relay is asked through another"
        return "" if self._thirds() - {target.node} else _NOBODY

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Hand the frame to the best relay; to the next one too if that is silent or does not take it."""
        if relays_are_barred():
            raise ChannelError(self.reaches(target))
        if len(parcel.frame) > INNER_LIMIT:
            raise ChannelError(f"the frame is over {INNER_LIMIT // 1024} KiB, and does not fit into another one")
        relays = self._relays(target, parcel.ids)
        if not relays:
            raise ChannelError(_NOBODY)
        try:
            return await self._hand_over(relays, target, parcel)
        except _NotHeard as error:
            # Nobody hears the recipient: the first that would keep it is the best there is.
            return await self._put(error.relay, target, parcel, unheard=True)

    async def mend(self, target: Target) -> str:
        """Think of all relays alike again, with new connections; and ask for mail now."""
        self._choice.forget(target.node)
        relays = self._relays(target, ())
        for relay in relays:
            await self._line.renew(relay)
        self._taking.hurry()
        names = ", ".join(relay.node for relay in relays) or "nobody"
        return f"connections to relays closed ({names}); what waits there is asked for now"

    def _thirds(self) -> frozenset[str]:
        """Who may be a relay, as of a moment ago: this is asked for every message, and there may be many members."""
        if self._started and self._here.monotonic() - self._looked_at >= LOOK:
            self._looked_at = self._here.monotonic()
            chief = self._here.chief()
            self._third = frozenset(one.node for one in self._here.targets() if one.is_there or one.node == chief)
        return self._third

    def _relays(self, target: Target, ids: tuple[str, ...]) -> list[Target]:
        here = self._here
        return self._choice.order(here.node, target, ids, here.chief(), here.targets())

    async def _hand_over(self, relays: list[Target], target: Target, parcel: Parcel) -> Carried:
        not_heard: _NotHeard | None = None
        reasons: list[str] = []
        unknown = False

        def failed(relay: Target, error: ChannelError) -> None:
            nonlocal not_heard, unknown
            if isinstance(error, _NotHeard):
                not_heard = not_heard or error
            unknown = unknown or error.unknown
            reasons.append(f"{relay.node}: {error}")

        def begin(relay: Target) -> Coroutine[Any, Any, Carried]:
            return self._put(relay, target, parcel, unheard=relay.node == self._here.chief())

        carried = await first_of(relays, begin, STAGGER, failed)
        if carried is not None:
            return carried
        if not_heard is not None and parcel.ids:
            raise not_heard
        raise ChannelError("; ".join(reasons), unknown=unknown)

    async def _put(self, relay: Target, target: Target, parcel: Parcel, *, unheard: bool) -> Carried:
        left = parcel.expires - self._here.now() if parcel.expires else EXPIRES_LIMIT
        put = RelayPut(
            frame=packed(parcel.frame),
            keep=max(0, min(EXPIRES_LIMIT, int(left))) if parcel.ids else 0,
            patience=int(PATIENCE * 1000),
            unheard=unheard,
        )
        told = await self._line.ask(relay, put, PUT_SECONDS)
        answered_by(relay.node, told, RelayTook)
        assert isinstance(told, RelayTook)
        self._line.told_port(relay.node, told.port)
        if told.outcome == "refused":
            if not told.hears:
                raise _NotHeard(relay, target)
            raise ChannelError(told.reason or "it does not take this")
        self._choice.given(parcel.ids, target.node, relay.node)
        where = f"relay {relay.node}"
        if told.outcome == "parked":
            return Carried(Success.PARKED, where=where)
        return Carried(Success.ANSWERED, self._answer(relay, target, told.answer), where)

    def _answer(self, relay: Target, target: Target, text: str) -> bytes:
        """A frame from the recipient to this node, as far as can be seen from outside."""
        try:
            answer = unpacked(text)
            header = read_header(answer)
        except (BadPacket, FrameRefused):
            raise ChannelError(f"{relay.node} brought no answer of {target.node}", unknown=True) from None
        if (header.sender, header.recipient) != (target.node, self._here.node):
            raise ChannelError(f"{relay.node} brought an answer of somebody else", unknown=True)
        return answer
