"""Which cause follows from which facts, and how sure it is. Tables; `diagnose` only walks them.

A cause is proved in one of two ways and in no other. SHOWN: the fault itself was signed by whoever has it, in answer to
a question of this moment, or stands in this node's own verified records, or was met by this node itself. EXCLUDED: the
facts of PROOFS are all there, and every other cause is excluded by some fact (EXCLUDES). What third members say, and
what somebody said some time ago, is in neither table: it makes a cause likely and never more.
"""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from multifleet.core.diagnosis.causes import FAULTS, Cause, Confidence
from multifleet.core.diagnosis.fact_names import Fact

C, F = Cause, Fact

SHOWN: Mapping[Fact, Cause] = {
    F.PEER_OUT: C.REVOKED,
    F.ME_OUT: C.REVOKED,
    F.PEER_LEFT: C.LEFT,
    F.OWN_DISK_FULL: C.DISK_FULL,
    F.OWN_STORE_BROKEN: C.STORE_BROKEN,
    F.NO_DAEMON: C.DAEMON_DOWN,
    F.PEER_DISK_FULL: C.DISK_FULL,
    F.PEER_STORE_BROKEN: C.STORE_BROKEN,
    F.HOST_KEY_OTHER: C.HOST_KEY_CHANGED,
    F.CLOCK_DIFFERS: C.CLOCK_OFF,
    F.NATS_FAILS_HERE: C.NATS_DOWN,
    F.CHIEF_NO_DAEMON: C.CHIEF_DOWN,
    F.VERSION_DIFFERS: C.VERSION_MISMATCH,
    F.NEW_KEY: C.KEY_CHANGED,
}
"""Facts that are the fault itself."""

PROOFS: Mapping[Cause, tuple[frozenset[Fact], ...]] = {
    C.PORT_BLOCKED: (
        frozenset({F.FAILS_SURELY, F.RUNNING, F.LISTENS_THERE, F.HEARD_FROM_THERE}),
        frozenset({F.HTTP_ANSWERS, F.CANNOT_SURELY, F.RUNNING}),
    ),
    C.MTU_BLACK_HOLE: (frozenset({F.HTTP_ANSWERS, F.SMALL_PASSES, F.LARGE_SURELY_LOST}),),
    C.ADDRESS_CHANGED: (frozenset({F.FAILS, F.OTHER_ADDRESS, F.NEW_ADDRESS_ANSWERS, F.RUNNING}),),
}
"""What has to be there before a cause that nobody states can be proved by excluding all others."""

_SELF = frozenset({C.REVOKED, C.LEFT, C.KEY_CHANGED, C.DAEMON_DOWN, C.ASLEEP})
_ELSEWHERE = frozenset({C.NATS_DOWN, C.CHIEF_DOWN, C.HOST_KEY_CHANGED})
"""What touches only ways that are not direct."""

EXCLUDES: Mapping[Fact, frozenset[Cause]] = {
    # A signed answer of this moment: it runs, is awake, and knows this node by the keys that both have pinned.
    F.RUNNING: _SELF | {C.VERSION_MISMATCH},
    F.HTTP_ANSWERS: _SELF | {C.ADDRESS_CHANGED, C.CUT_OFF},
    F.SMALL_PASSES: _SELF | {C.ADDRESS_CHANGED, C.CUT_OFF, C.PORT_BLOCKED, C.VERSION_MISMATCH} | _ELSEWHERE,
    F.PEER_STORE_OK: frozenset({C.DISK_FULL, C.STORE_BROKEN}),
    F.CLOCK_AGREES: frozenset({C.CLOCK_OFF}),
    # A connection that does not even open is small, straight, and asks for no clock, key or version.
    F.FAILS_SURELY: frozenset({C.MTU_BLACK_HOLE, C.CLOCK_OFF, C.VERSION_MISMATCH}) | _ELSEWHERE,
    F.FAILS: frozenset({C.CLOCK_OFF}) | _ELSEWHERE,
    F.LISTENS_THERE: frozenset({C.ADDRESS_CHANGED, C.DAEMON_DOWN}),
    F.HEARD_FROM_THERE: frozenset({C.ADDRESS_CHANGED, C.CUT_OFF, C.ASLEEP}),
    F.NEW_ADDRESS_ANSWERS: _SELF | {C.CUT_OFF, C.PORT_BLOCKED, C.MTU_BLACK_HOLE, C.VERSION_MISMATCH},
    F.OTHER_ADDRESS: frozenset({C.PORT_BLOCKED}),
    # That the peer does not reach this node's port has to do with its way here, and with nothing else of the list.
    F.CANNOT_SURELY: frozenset({C.MTU_BLACK_HOLE, C.CLOCK_OFF}) | _ELSEWHERE,
    F.LARGE_SURELY_LOST: frozenset({C.CLOCK_OFF}),
}
"""What cannot be the reason for the failure that was seen while a fact holds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A cause is likely where all of `needs` and none of `lacks` is there."""

    cause: Cause
    needs: frozenset[Fact]
    lacks: frozenset[Fact] = frozenset()


def _rule(cause: Cause, *needs: Fact, lacks: Collection[Fact] = ()) -> Rule:
    return Rule(cause, frozenset(needs), frozenset(lacks))


_ANSWERS = (F.HTTP_ANSWERS, F.OTHER_WAY_ANSWERS)

RULES: tuple[Rule, ...] = (
    # Nothing goes at all, whatever else is the matter.
    _rule(C.REVOKED, F.ME_OUT),
    _rule(C.REVOKED, F.PEER_OUT),
    _rule(C.LEFT, F.PEER_LEFT),
    _rule(C.DISK_FULL, F.OWN_DISK_FULL),
    _rule(C.STORE_BROKEN, F.OWN_STORE_BROKEN),
    # The peer says itself what is the matter.
    _rule(C.DAEMON_DOWN, F.NO_DAEMON),
    _rule(C.DISK_FULL, F.PEER_DISK_FULL),
    _rule(C.STORE_BROKEN, F.PEER_STORE_BROKEN),
    _rule(C.CLOCK_OFF, F.OUTSIDE_WINDOW),
    _rule(C.VERSION_MISMATCH, F.NOT_UNDERSTOOD),
    _rule(C.DISK_FULL, F.CANNOT_WRITE, lacks=(F.PEER_STORE_OK,)),
    # It runs, and the direct way does not work.
    _rule(C.MTU_BLACK_HOLE, F.SMALL_PASSES, F.LARGE_LOST),
    _rule(C.ADDRESS_CHANGED, F.NEW_ADDRESS_ANSWERS),
    _rule(C.ADDRESS_CHANGED, F.FAILS, F.OTHER_ADDRESS),
    # Its daemon is at work, connections open, and what is longer than a handshake does not come through.
    _rule(C.MTU_BLACK_HOLE, F.MUTE, F.RUNNING, lacks=(F.HTTP_ANSWERS,)),
    _rule(C.MTU_BLACK_HOLE, F.MUTE, F.PING_ANSWERED, lacks=(F.HTTP_ANSWERS,)),
    _rule(
        C.MTU_BLACK_HOLE,
        F.OPEN,
        F.RUNNING,
        F.CHANNELS_FAIL,
        lacks=(F.HTTP_ANSWERS, F.ELSE, F.STRANGER, F.DIRECT_OFF),
    ),
    _rule(C.PORT_BLOCKED, F.HTTP_ANSWERS, F.CANNOT_REACH_US),
    _rule(C.PORT_BLOCKED, F.FAILS, F.RUNNING, lacks=(F.NEVER_DIRECT,)),
    # Somebody is there who does not know this node.
    _rule(C.KEY_CHANGED, F.OTHER_KEY_SHOWN, lacks=_ANSWERS),
    _rule(C.KEY_CHANGED, F.STRANGER, F.OTHERS_STRANGERS),
    _rule(C.ADDRESS_CHANGED, F.STRANGER, F.OTHERS_HEAR_ELSEWHERE),
    _rule(C.REVOKED, F.STRANGER, F.OTHERS_HEAR),
    _rule(C.REVOKED, F.STRANGER, F.STRANGERS_TO_OTHERS),
    _rule(C.KEY_CHANGED, F.STRANGER),
    _rule(C.KEY_CHANGED, F.OTHERS_STRANGERS, lacks=_ANSWERS),
    # Nothing signed came.
    _rule(C.CUT_OFF, F.FAILS, F.NOBODY_HEARD, lacks=(F.REFUSED, *_ANSWERS, F.OTHERS_HEAR, F.SOMEBODY_ANSWERS)),
    _rule(
        C.CHIEF_DOWN, F.NEVER_DIRECT, F.CHIEF_CARRIES, F.CHIEF_GONE, lacks=(*_ANSWERS, F.SAID_STOPPED, F.SAID_ASLEEP)
    ),
    _rule(
        C.CHIEF_DOWN,
        F.NEVER_DIRECT,
        F.CHIEF_CARRIES,
        F.CHIEF_NO_DAEMON,
        lacks=(*_ANSWERS, F.SAID_STOPPED, F.SAID_ASLEEP),
    ),
    _rule(C.ADDRESS_CHANGED, F.FAILS, F.OTHERS_HEAR_ELSEWHERE, lacks=(F.HTTP_ANSWERS,)),
    _rule(C.ADDRESS_CHANGED, F.ELSE, F.OTHERS_HEAR_ELSEWHERE, lacks=(F.HTTP_ANSWERS,)),
    # Of one to which nothing ever led straight, it tells only where its network ends.
    _rule(C.ADDRESS_CHANGED, F.FAILS, F.HEARD_ELSEWHERE, lacks=(F.HTTP_ANSWERS, F.LISTENS_THERE, F.NEVER_DIRECT)),
    _rule(C.PORT_BLOCKED, F.FAILS, F.OTHERS_HEAR, lacks=_ANSWERS),
    _rule(C.PORT_BLOCKED, F.FAILS, F.HEARD_NOW, lacks=_ANSWERS),
    _rule(C.PORT_BLOCKED, F.FAILS, F.PING_ANSWERED, lacks=_ANSWERS),
    # A login can be answered without a daemon, and may have had no time left to say whether there is one.
    _rule(C.DAEMON_DOWN, F.LOGIN_ANSWERS, F.SAID_STOPPED),
    _rule(C.DAEMON_DOWN, F.LOGIN_ANSWERS, F.REFUSED, lacks=(F.RUNNING, F.HEARD_NOW, F.PING_ANSWERED, F.OTHERS_HEAR)),
    _rule(C.PORT_BLOCKED, F.FAILS, F.OTHER_WAY_ANSWERS, lacks=(F.HTTP_ANSWERS, F.NEVER_DIRECT, F.NO_DAEMON)),
    _rule(C.DAEMON_DOWN, F.SAID_STOPPED, lacks=_ANSWERS),
    _rule(C.ASLEEP, F.SAID_ASLEEP, lacks=(*_ANSWERS, F.REFUSED)),
    # Where nothing ever led straight, a firewall refuses, and that while it sleeps as well.
    _rule(C.ASLEEP, F.SAID_ASLEEP, F.NEVER_DIRECT, lacks=_ANSWERS),
    _rule(C.DAEMON_DOWN, F.REFUSED, lacks=_ANSWERS),
    _rule(C.CHIEF_DOWN, F.SILENT, F.CHIEF_CARRIES, F.CHIEF_GONE, lacks=(*_ANSWERS, F.SSH_OPEN)),
    _rule(C.PORT_BLOCKED, F.SILENT, F.SSH_OPEN, lacks=_ANSWERS),
    _rule(C.DAEMON_DOWN, F.MUTE, lacks=_ANSWERS),
    _rule(C.DAEMON_DOWN, F.ELSE, lacks=_ANSWERS),
    # Where NATS alone has ever led there.
    _rule(C.NATS_DOWN, F.NATS_FAILS, F.NEVER_DIRECT, lacks=(*_ANSWERS, F.SAID_STOPPED, F.SAID_ASLEEP)),
    # It can be reached; what is not as it should be all the same.
    _rule(C.HOST_KEY_CHANGED, F.HOST_KEY_OTHER),
    _rule(C.CLOCK_OFF, F.CLOCK_DIFFERS),
    _rule(C.CHIEF_DOWN, F.CHIEF_CARRIES, F.CHIEF_NO_DAEMON, F.HTTP_ANSWERS),
    _rule(C.CHIEF_DOWN, F.CHIEF_CARRIES, F.CHIEF_NO_DAEMON, F.OTHER_WAY_ANSWERS),
    _rule(C.CHIEF_DOWN, F.CHIEF_CARRIES, F.CHIEF_GONE, F.HTTP_ANSWERS),
    _rule(C.CHIEF_DOWN, F.CHIEF_CARRIES, F.CHIEF_GONE, F.OTHER_WAY_ANSWERS),
    _rule(C.NATS_DOWN, F.NATS_FAILS_HERE, F.HTTP_ANSWERS),
    _rule(C.NATS_DOWN, F.NATS_FAILS_HERE, F.OTHER_WAY_ANSWERS),
    _rule(C.NATS_DOWN, F.NATS_FAILS, F.HTTP_ANSWERS),
    _rule(C.NATS_DOWN, F.NATS_FAILS, F.OTHER_WAY_ANSWERS),
    _rule(C.VERSION_MISMATCH, F.VERSION_DIFFERS),
    _rule(C.KEY_CHANGED, F.NEW_KEY),
    # Some ways lead over others by nature, and are no fault as long as one answers.
    _rule(C.PORT_BLOCKED, F.FAILS, F.OTHER_WAY_ANSWERS, F.NEVER_DIRECT, lacks=(F.NO_DAEMON,)),
)
"""What is likely; the first whose facts are there is named, the others are told beside it."""


@dataclass(frozen=True, slots=True)
class Found:
    """One cause that fits."""

    cause: Cause
    confidence: Confidence
    by: frozenset[Fact]
    """The facts that name it."""


def is_proved(cause: Cause, facts: Set[Fact]) -> bool:
    """Whether the facts leave no doubt; the two ways stand above."""
    if any(SHOWN.get(fact) is cause for fact in facts):
        return True
    if not any(needs <= facts for needs in PROOFS.get(cause, ())):
        return False
    excluded = frozenset().union(*(EXCLUDES.get(fact, frozenset()) for fact in facts))
    return excluded >= FAULTS - {cause}


def causes(facts: Set[Fact]) -> tuple[Found, ...]:
    """Every cause that fits, the one to name first."""
    found: dict[Cause, Found] = {}
    for rule in RULES:
        if rule.needs <= facts and not rule.lacks & facts and rule.cause not in found:
            sure = Confidence.PROVED if is_proved(rule.cause, facts) else Confidence.LIKELY
            found[rule.cause] = Found(rule.cause, sure, rule.needs)
    return tuple(found.values())
