"""One peer as the engine knows it, and what of that is shown."""

from dataclasses import dataclass, field

from multifleet.core.limits import TokenBucket
from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.rtt import RoundTrip
from multifleet.core.presence.states import PresenceState
from multifleet.core.presence.watch import Watch
from multifleet.core.replay_window import ReplayWindow

NEVER_HEARD = "never heard here"


@dataclass(frozen=True, slots=True)
class PeerPresence:
    """What is known of a peer now. Moments are of the engine's monotonic clock."""

    name: str
    state: PresenceState
    since: float
    """When it came into this state."""
    how: str
    """How that is known, in words."""
    incarnation: int
    round_trip: float | None
    """Smoothed seconds; None before the first answer."""
    heard_at: float | None
    """The last word of its own."""
    facts: Facts | None
    facts_at: float | None
    apart: tuple[float, float] | None
    """The last time that it was dead here and came back: from when to when."""
    flaps: int
    """How often it came back from the dead within the last hour of that, sleep not counted."""
    slept: int
    """Seconds that it slept before it last came back; 0 where it did not."""


@dataclass(slots=True, eq=False)
class Peer:
    """The engine's record of one peer; there is one for each member and none for anybody else."""

    name: str
    since: float
    state: PresenceState = PresenceState.SUSPECT
    how: str = NEVER_HEARD
    incarnation: int = 0
    """The highest that its own packets or statements named."""
    stated: int = 0
    """The highest of its signed statements."""
    slept: int = 0
    boot: str = ""
    """The boot that it proved by an answer to one of our pings."""
    window: ReplayWindow = field(default_factory=ReplayWindow)
    other_boot: str = ""
    """Another one that its packets name, not proved."""
    other_window: ReplayWindow = field(default_factory=ReplayWindow)
    rtt: RoundTrip = field(default_factory=RoundTrip)
    watch: Watch | None = None
    lost: int = 0
    """Pings to it in a row that were lost."""
    heard_at: float | None = None
    accused_at: float = float("-inf")
    """When its death was last verified because somebody spread a suspicion."""
    credit: TokenBucket = field(default_factory=lambda: TokenBucket(16, 1 / 30))
    """How many suspicions of others are still believed to be worth a look; true ones are paid back."""
    answers: TokenBucket = field(default_factory=lambda: TokenBucket(64, 32))
    """How many of its pings and requests are answered."""
    facts: Facts | None = None
    facts_at: float | None = None
    facts_sent_at: float = float("-inf")
    checking: bool = False
    """Whether its roster's digest is being looked at."""
    differs_after: float = float("-inf")
    apart: tuple[float, float] | None = None
    flaps: int = 0
    flapped_at: float = float("-inf")

    def shown(self) -> PeerPresence:
        """What others may see."""
        return PeerPresence(
            name=self.name,
            state=self.state,
            since=self.since,
            how=self.how,
            incarnation=self.incarnation,
            round_trip=self.rtt.smoothed,
            heard_at=self.heard_at,
            facts=self.facts,
            facts_at=self.facts_at,
            apart=self.apart,
            flaps=self.flaps,
            slept=self.slept,
        )
