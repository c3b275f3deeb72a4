"""The state of every channel to every peer, while the daemon runs and in the store."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from multifleet.core.cascade import Outcome, OutcomeKind
from multifleet.core.channel_state import ChannelEvent, ChannelHealth, ChannelState, advance, probe_due, settle
from multifleet.core.routing import CHANNELS, Success
from multifleet.node.clock import NodeClock
from multifleet.store.rows import HealthRow
from multifleet.store.store import Store


class Health:
    """Channel health by peer; moments in it are of the node's clock, so that they mean something after a restart."""

    def __init__(self, store: Store, clock: NodeClock) -> None:
        self._store = store
        self._clock = clock
        self._known: defaultdict[str, dict[str, ChannelHealth]] = defaultdict(dict)
        self.changed: Callable[[str, str, ChannelState, ChannelState], None] = lambda node, channel, before, after: None
        """Told (peer, channel, state before, state after)."""

    async def load(self) -> None:
        """Read what was known when the daemon last ran."""
        for row in await self._store.health.all():
            if row.channel in CHANNELS:
                self._known[row.peer][row.channel] = ChannelHealth(
                    state=ChannelState(row.state),
                    failures=row.failures,
                    changed_at=row.changed_at,
                    last_ok=row.last_ok,
                    last_error=row.last_error,
                    latencies=row.latencies,
                )

    def of(self, node: str) -> Mapping[str, ChannelHealth]:
        """The channels to one peer, as they are to be read now."""
        now = self._clock.now()
        return {name: settle(health, now) for name, health in self._known[node].items()}

    def due_for_a_probe(self, node: str) -> list[str]:
        """The broken channels to this peer that should be tried now without a message."""
        now = self._clock.now()
        return [name for name, health in self._known[node].items() if probe_due(health, now)]

    def learn(self, node: str, outcome: Outcome, round_trip: float) -> None:
        """Take the outcome of one attempt into account; a refusal by the peer is the channel's success.

        That a frame was parked, or somebody was told, proves nothing of a channel yet. Of channels that can only tell
        somebody nothing is learned: no round trip would ever make them well again.
        """
        facts = CHANNELS.get(outcome.attempt.channel)
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
