"""The state of every channel to every peer, while the daemon runs and in the store."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping

import msgspec

from multifleet.core.cascade import Outcome, OutcomeKind
from multifleet.core.channel_state import ChannelEvent, ChannelHealth, ChannelState, advance, probe_due, settle
from multifleet.core.routing import CHANNELS, Success
from multifleet.node.clock import NodeClock
from multifleet.store.rows import HealthRow
from multifleet.store.store import Store

SETTINGS = "channel_settings"
"""Under which the store notes what the channels were set to."""


class Health:
    """Channel health by peer; moments in it are of the node's clock, so that they mean something after a restart."""

    def __init__(self, store: Store, clock: NodeClock) -> None:
        self._store = store
        self._clock = clock
        self._known: defaultdict[str, dict[str, ChannelHealth]] = defaultdict(dict)
        self.changed: Callable[[str, str, ChannelState, ChannelState], None] = lambda node, channel, before, after: None
        """Told (peer, channel, state before, state after)."""
        self.healed: Callable[[str], None] = lambda node: None
        """Told of each peer to which a channel that had failed has had its round trip."""
        self._back_at: dict[str, float] = {}
        """Peer: when a channel to it that had failed went through again, monotonic."""

    async def load(self, settings: Mapping[str, str]) -> None:
        """Read what was known when the daemon last ran; what was learned of a channel under other `settings` than now
        says nothing about it any more."""
        changed = await self._changed(settings)
        for row in await self._store.health.all():
            if row.channel in changed and row.state != ChannelState.UNTRIED:
                self._store.health.put_later(_forgotten(row.peer, row.channel, self._clock.now()))
            elif row.channel in CHANNELS:
                self._known[row.peer][row.channel] = ChannelHealth(
                    state=ChannelState(row.state),
                    failures=row.failures,
                    changed_at=row.changed_at,
                    last_ok=row.last_ok,
                    last_error=row.last_error,
                    latencies=row.latencies,
                )

    async def _changed(self, settings: Mapping[str, str]) -> set[str]:
        """The channels whose settings are others than when this was asked last; notes what they are now."""
        # What it names may hold a password, which belongs in no second place.
        now = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in settings.items()}
        noted = await self._store.meta.get(SETTINGS)
        before = msgspec.json.decode(noted, type=dict[str, str]) if noted is not None else {}
        if before != now:
            self._store.meta.set_later(SETTINGS, msgspec.json.encode(now).decode())
        return {name for name, value in now.items() if before.get(name) != value}

    def of(self, node: str) -> Mapping[str, ChannelHealth]:
        """The channels to one peer, as they are to be read now."""
        now = self._clock.now()
        return {name: settle(health, now) for name, health in self._known[node].items()}

    def due_for_a_probe(self, node: str) -> list[str]:
        """The channels to this peer that have failed and should be tried now without a message."""
        now = self._clock.now()
        return [name for name, health in self._known[node].items() if probe_due(health, now)]

    def failing(self, node: str) -> list[str]:
        """The channels to this peer that have failed since they worked last."""
        return [name for name, health in self._known[node].items() if health.failures]

    def back_at(self, node: str) -> float | None:
        """When a channel to this peer that had failed went through again, monotonic seconds; None: never."""
        return self._back_at.get(node)

    def learn(self, node: str, outcome: Outcome, round_trip: float) -> None:
        """Take the outcome of one attempt into account; a refusal by the peer is the channel's success.

        That a frame was parked, or somebody was told, proves nothing of a channel yet; where parking is all that it
        can do, it speaks for it that this works. Of channels that can only tell somebody nothing is learned: no round
        trip would ever make them well again.
        """
        facts = CHANNELS.get(outcome.attempt.channel)
        if outcome.kind is OutcomeKind.PARKED and facts is not None and facts.only_parks:
            self.happened(node, outcome.attempt.channel, ChannelEvent.PARKED)
        if outcome.kind in (OutcomeKind.PARKED, OutcomeKind.NUDGED) or (facts is not None and facts.only_nudges):
            return
        failed = outcome.kind is OutcomeKind.FAILED
        self.happened(
            node,
            outcome.attempt.channel,
            ChannelEvent.FAILED if failed else ChannelEvent.ROUND_TRIP,
            round_trip=None if failed else round_trip,
            error=outcome.error if failed else None,
        )

    def arrived(self, node: str, name: str, at: float) -> None:
        """The peer stated that something came to it by this channel at that moment: that is a signed round trip, unless
        the channel has failed since."""
        facts = CHANNELS.get(name)
        if facts is None or Success.PARKED not in facts.success:
            return  # the answer itself has said so already
        known = self._known[node].get(name, ChannelHealth())
        if known.failed_at is None or at > known.failed_at:
            self.happened(node, name, ChannelEvent.ROUND_TRIP)

    def happened(
        self,
        node: str,
        name: str,
        event: ChannelEvent,
        *,
        round_trip: float | None = None,
        error: str | None = None,
    ) -> None:
        """Move a channel's state; IllegalTransition if the event cannot follow."""
        before = settle(self._known[node].get(name, ChannelHealth()), self._clock.now())
        after = advance(before, event, self._clock.now(), round_trip=round_trip, error=error)
        self._known[node][name] = after
        if event is ChannelEvent.ROUND_TRIP and before.has_failed:
            self._back_at[node] = self._clock.monotonic()
            self.healed(node)
        if after.state is not before.state:
            self.changed(node, name, before.state, after.state)
        if after.state is not before.state or event is ChannelEvent.FAILED:
            self._store.health.put_later(
                HealthRow(
                    peer=node,
                    channel=name,
                    state=after.state,
                    failures=after.failures,
                    changed_at=after.changed_at,
                    last_ok=after.last_ok,
                    last_error=after.last_error,
                    latencies=after.latencies,
                )
            )


def _forgotten(peer: str, channel: str, now: float) -> HealthRow:
    return HealthRow(
        peer=peer,
        channel=channel,
        state=ChannelState.UNTRIED,
        failures=0,
        changed_at=now,
        last_ok=None,
        last_error=None,
        latencies=(),
    )
