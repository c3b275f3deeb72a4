"""One peer as the engine knows it, and what of that is shown."""

from dataclasses import dataclass

from multifleet.core.limits import TokenBucket
from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.rtt import RoundTrip
from multifleet.core.presence.states import PresenceState
from multifleet.core.presence.watch import Watch
from multifleet.core.replay_window import ReplayWindow

NEVER_HEARD = "never heard here"
STOPPED = "stopped, it said so itself"
"""How a peer is dead that said goodbye; the words are kept with its state, and tell it from one that fell silent."""
WAS_ALIVE = "alive when this daemon stopped; not heard since"
WAS_SUSPECT = "suspected when this daemon stopped; not heard since"
UNTOLD = float("-inf")
CREDIT, CREDIT_BACK = 8, 120.0
"""Suspicions that are looked at for one member, and the seconds after which one more is."""
TRUSTED = 5
"""Credit up from which its suspicions are passed on before they were looked at."""


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
    heard_by: str
    """What that was, in words: "answer". Empty before the first."""
    facts: Facts | None
    facts_at: float | None
    apart: tuple[float, float] | None
    """The last time that it was dead here and came back: from when to when."""
    flaps: int
    """How often it came back from the dead within the last hour of that, sleep not counted."""
    slept: int
    """Seconds that it slept before it last came back; 0 where it did not."""

    @property
    def is_away(self) -> str:
        """Where it said itself that it will not be there for a while, that in words; else empty."""
        if self.state is PresenceState.ASLEEP:
            return "it sleeps"
        return "it was stopped there" if self.state is PresenceState.DEAD and self.how == STOPPED else ""


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
    silent: int = 0
    """The incarnation in which it said that it goes to sleep or stops; what it says afterwards is of a higher one."""
    slept: int = 0
    boot: str = ""
    """The boot that it proved by an answer to one of our pings."""
    window: ReplayWindow | None = None
    other_boot: str = ""
    """Another one that its packets name, not proved."""
    other_window: ReplayWindow | None = None
    rtt: RoundTrip | None = None
    watch: Watch | None = None
    lost: int = 0
    """Pings to it in a row that were lost."""
    heard_at: float | None = None
    heard_by: str = ""
    was: tuple[float, int] | None = None
    """Since when it was alive, and in which incarnation, when this daemon stopped; until there is newer word."""
    accused_at: float = float("-inf")
    """When its death was last verified because somebody spread a suspicion."""
    accused_in: int = -1
    """Its incarnation then."""
    credit: TokenBucket | None = None
    doubter: str = ""
    """Who suspects it, of those whose suspicions are not looked at any more."""
    doubted_at: float = float("-inf")
    answers: TokenBucket | None = None
    facts: Facts | None = None
    facts_at: float | None = None
    facts_sent_at: float = UNTOLD
    """When it was last told this node's facts."""
    facts_boot: str = ""
    """The boot to which they went with an answer."""
    checking: bool = False
    """Whether its roster's digest is being looked at."""
    differs_after: float = float("-inf")
    apart: tuple[float, float] | None = None
    flaps: int = 0
    flapped_at: float = float("-inf")

    def is_answered(self, now: float) -> bool:
        """Whether one more of its pings and requests is answered, of a flood of them."""
        if self.answers is None:
            self.answers = TokenBucket(64, 32)
        return self.answers.take(now) == 0

    def is_accused_anew(self, now: float, every: float) -> bool:
        """Whether a suspicion is not the same as one that was looked at a moment ago: the peer refuted that one, or it
        is a while ago."""
        return self.incarnation > self.accused_in or now - self.accused_at >= every

    def accused(self, now: float) -> None:
        """A suspicion of it is looked at, or spread."""
        self.accused_at, self.accused_in = now, self.incarnation

    def is_credible(self, now: float) -> bool:
        """Whether one more of its suspicions is worth a look; true ones are paid back."""
        if self.credit is None:
            self.credit = TokenBucket(CREDIT, 1 / CREDIT_BACK)
        return self.credit.take(now) == 0

    def is_doubted_by_two(self, name: str, now: float, within: float) -> bool:
        """Whether somebody else suspects it as well: after a storm of false alarms no single word is worth a look."""
        another = self.doubter not in ("", name) and now - self.doubted_at < within
        if not another:
            self.doubter, self.doubted_at = name, now
        return another

    @property
    def is_trusted(self) -> bool:
        """Whether hardly any of its suspicions were wrong lately."""
        return self.credit is None or self.credit.tokens >= TRUSTED

    def was_right(self) -> None:
        """A suspicion that came from it was true."""
        if self.credit is not None:
            self.credit.give()

    @property
    def has_stopped(self) -> bool:
        """Whether it is dead because it said so, and did not fall silent."""
        return self.state is PresenceState.DEAD and self.how == STOPPED

    @property
    def is_silent(self) -> bool:
        """Whether it said that nothing will be heard of it; what still comes was said before."""
        return self.state is PresenceState.ASLEEP or self.has_stopped

    def has_round_trip(self, seconds: float) -> None:
        """One more answer to a ping."""
        if self.rtt is None:
            self.rtt = RoundTrip()
        self.rtt.learn(seconds)

    def is_replay(self, boot: str, count: int) -> bool:
        """Whether such a packet was heard before, and counts this one as heard."""
        if boot == self.boot:
            window = self.window = self.window or ReplayWindow()
        else:
            if boot != self.other_boot or self.other_window is None:
                self.other_boot, self.other_window = boot, ReplayWindow()
            window = self.other_window
        return not window.accept(count)

    def proves(self, boot: str) -> bool:
        """It answered our own ping under this boot; whether that is news."""
        if boot == self.boot:
            return False
        self.boot, self.window = boot, self.other_window
        self.other_boot, self.other_window = "", None
        return True

    def shown(self) -> PeerPresence:
        """What others may see."""
        return PeerPresence(
            name=self.name,
            state=self.state,
            since=self.since,
            how=self.how,
            incarnation=self.incarnation,
            round_trip=self.rtt.smoothed if self.rtt else None,
            heard_at=self.heard_at,
            heard_by=self.heard_by,
            facts=self.facts,
            facts_at=self.facts_at,
            apart=self.apart,
            flaps=self.flaps,
            slept=self.slept,
        )
