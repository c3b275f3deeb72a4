"""The state of every channel to every peer, while the daemon runs and in the store."""

from collections import defaultdict
from collections.abc import Mapping

from multifleet.core.cascade import Outcome, OutcomeKind
from multifleet.core.channel_state import ChannelEvent, ChannelHealth, ChannelState, advance, probe_due, settle
from multifleet.core.routing import CHANNELS
from multifleet.node.clock import NodeClock
from multifleet.store.rows import HealthRow
from multifleet.store.store import Store


class Health:
    """Channel health by peer; moments in it are of the node's clock, so that they mean something after a restart."""

    def __init__(self, store: Store, clock: NodeClock) -> None:
        self._store = store
        self._clock = clock
        self._known: defaultdict[str, dict[str, ChannelHealth]] = defaultdict(dict)

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

    def due_for_a_probe(self, node: str) -> bool:
        """Whether some broken channel to this peer should be tried without a message."""
        now = self._clock.now()
        return any(probe_due(health, now) for health in self._known[node].values())

    def learn(self, node: str, outcome: Outcome, round_trip: float) -> None:
        """Take the outcome of one attempt into account; a refusal by the peer is the channel's success."""
        name = outcome.attempt.channel
        before = settle(self._known[node].get(name, ChannelHealth()), self._clock.now())
        failed = outcome.kind is OutcomeKind.FAILED
        after = advance(
            before,
            ChannelEvent.FAILED if failed else ChannelEvent.ROUND_TRIP,
            self._clock.now(),
            round_trip=None if failed else round_trip,
            error=outcome.error if failed else None,
        )
        self._known[node][name] = after
        if after.state is not before.state or failed:
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
