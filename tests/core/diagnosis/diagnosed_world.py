"""A small world with faults in it, and what can be found out there: written without a look at the rules.

What is true is drawn first; evidence follows from it, less what noise takes away. Third members may say anything.
"""

from dataclasses import dataclass, field

from multifleet.core.diagnosis.causes import FAULTS, Cause
from multifleet.core.diagnosis.evidence import (
    Asked,
    ChiefWord,
    Connect,
    Evidence,
    Greeting,
    Heard,
    Knock,
    NatsWord,
    PeerWord,
    Sizes,
    Store,
    ThirdWord,
)

C = Cause
OLD, NEW, MINE = "10.0.0.2:8855", "10.0.1.7:8855", "10.0.0.1:8855"
TOPOLOGIES = ("one network", "two sites with ssh", "only over the chief")


@dataclass(frozen=True)
class World:
    """What is true, and what noise takes away: single tries, and never many in a row."""

    faults: frozenset[Cause]
    topology: str = TOPOLOGIES[0]
    refused: bool = False
    """Whether what blocks the port says so."""
    towards_us: bool = False
    """Whether it is the way back that is blocked."""
    revoked_there: bool = False
    """Whether only the others know that one of the two is out."""
    full_here: bool = False
    nats_here: bool = False
    announced: bool = True
    """Whether the peer could say that it sleeps or stops."""
    lying: tuple[ThirdWord, ...] | None = None
    lost: frozenset[str] = frozenset()
    failures: int = 9
    uptime: float = 1_000.0
    heard_before: bool = True
    own: tuple[str, ...] = field(default=(MINE,))

    def has(self, cause: Cause) -> bool:
        return cause in self.faults

    @property
    def truths(self) -> frozenset[Cause]:
        """Every fault that is there; where only the chief leads across, connections are blocked by nature."""
        return self.faults | ({C.PORT_BLOCKED} if self.topology == TOPOLOGIES[2] else frozenset())

    def evidence(self) -> Evidence:
        """What is found out."""
        chief_way = self.topology == TOPOLOGIES[2]
        up = not (self.has(C.DAEMON_DOWN) or self.has(C.ASLEEP))
        there = not self.has(C.ASLEEP) and not self.has(C.CUT_OFF)
        blocked = chief_way or (self.has(C.PORT_BLOCKED) and not self.towards_us)
        moved = self.has(C.ADDRESS_CHANGED)
        listens = up and there and not moved
        end = self._end(listens, there=there and not moved, blocked=blocked, walled=chief_way)
        direct = end is Connect.OPEN
        strange = self.has(C.KEY_CHANGED) or (self.has(C.REVOKED) and self.revoked_there)
        signed = direct and not strange and not self.has(C.VERSION_MISMATCH)
        reachable = there and not strange
        over_ssh = self.topology == TOPOLOGIES[1] and reachable and not moved and not self.has(C.HOST_KEY_CHANGED)
        passes = chief_way and reachable and up and not self.has(C.CHIEF_DOWN)
        over_relay = passes and not self.has(C.VERSION_MISMATCH)
        understood = not self.has(C.VERSION_MISMATCH)
        ways = ["http"] * signed + ["ssh"] * over_ssh + ["relay"] * over_relay
        ways = [way for way in ways if way not in self.lost]
        word = self._word(ways[0], up=up, moved=moved, direct=direct) if ways and "word" not in self.lost else None
        heard = 2.0 if up and there and not strange and not chief_way and self.heard_before else 900.0
        knocked = Connect.SILENT if "knock" in self.lost and end is Connect.OPEN else end
        again = Connect.SILENT if "again" in self.lost and end is Connect.OPEN else end
        greeting = (Greeting.OK if "greeting" not in self.lost else Greeting.MUTE) if knocked is Connect.OPEN else ""
        return Evidence(
            node="b",
            version="2",
            out="revoked" if self.has(C.REVOKED) and not self.revoked_there else "left" if self.has(C.LEFT) else "",
            new_key=False,
            store=self._own_store(),
            state="asleep" if self.has(C.ASLEEP) and self.announced else "dead" if not up else "alive",
            said_stopped=self.has(C.DAEMON_DOWN) and self.announced,
            heard=heard,
            heard_from="10.0.0.2:50000" if not moved else "10.0.1.7:50000",
            pinged=None if chief_way or "ping" in self.lost else up and there and not strange and not moved,
            knocks=(Knock(OLD, knocked, Greeting(greeting)),),
            knocks_again=(Knock(OLD, again),) if word is not None and knocked is not Connect.OPEN else (),
            lasted=9.0,
            looked_for=8.0,
            asked=self._asked(ways, strange=strange and direct, misread=(direct or passes) and not understood),
            word=word,
            new_address_answers=NEW if moved and word is not None and "new" not in self.lost else "",
            sizes=self._sizes() if signed and "http" in ways else None,
            third=self._third(up=up and there, strange=strange),
            hears_anybody=not self.has(C.CUT_OFF) if "others" not in self.lost else None,
            ssh=Connect.OPEN if there and not moved and self.topology == TOPOLOGIES[1] else None,
            host_key_changed=self.has(C.HOST_KEY_CHANGED),
            nats=self._nats(),
            chief=ChiefWord(
                "c",
                there=not self.has(C.CHIEF_DOWN),
                end=self._elsewhere(Connect.REFUSED if self.has(C.CHIEF_DOWN) else Connect.OPEN),
                carries=chief_way or self.has(C.CHIEF_DOWN),
            ),
            ever_direct=not chief_way,
            failures=min(self.failures, 2) if direct else self.failures,
            own_listens=self.own,
        )

    def _end(self, listens: bool, *, there: bool, blocked: bool, walled: bool) -> Connect:
        if self.has(C.CUT_OFF):
            return Connect.NO_ROUTE
        if walled and self.refused:
            return Connect.REFUSED  # by the wall, whoever is behind it
        if not there:
            return Connect.SILENT
        if blocked:
            return Connect.REFUSED if self.refused else Connect.SILENT
        return Connect.OPEN if listens else Connect.REFUSED

    def _own_store(self) -> Store:
        if self.has(C.DISK_FULL) and self.full_here:
            return Store.FULL
        return Store.BROKEN if self.has(C.STORE_BROKEN) and self.full_here else Store.OK

    def _word(self, way: str, *, up: bool, moved: bool, direct: bool) -> PeerWord:
        store = Store.OK
        if not self.full_here:
            store = Store.FULL if self.has(C.DISK_FULL) else Store.READ_ONLY if self.has(C.STORE_BROKEN) else store
        at = NEW if moved else OLD
        back = self.has(C.PORT_BLOCKED) and self.towards_us
        return PeerWord(
            channel=way,
            running=up,
            uptime=self.uptime if up else 0.0,
            store=None if "store" in self.lost else store,
            disk_free=0 if store is Store.FULL else 900,
            offset=None if "offset" in self.lost else 600.0 if self.has(C.CLOCK_OFF) else 0.3,
            version="1" if self.has(C.VERSION_MISMATCH) else "2",
            addresses=(at,),
            listens=(at,) if up and "listens" not in self.lost else (),
            reaches=(Connect.SILENT if back or "back" in self.lost else Connect.OPEN) if up else None,
            tried=(MINE,),
            failures=self.failures if back else min(self.failures, 2),
            heard_this=1.0,
        )

    def _asked(self, ways: list[str], *, strange: bool, misread: bool) -> tuple[Asked, ...]:
        asked = [Asked(way, answered=True, seconds=0.01) for way in ways]
        if strange:
            asked = [Asked("http", answered=False, stranger=True)]
        elif misread:
            asked.append(Asked("http", answered=True, refusal="bad_schema"))
        return tuple(asked)

    def _sizes(self) -> Sizes:
        large = 0 if self.has(C.MTU_BLACK_HOLE) else 3
        if "large" in self.lost and large:
            large -= 1
        return Sizes(small=4, small_of=4, large=large, large_of=3, small_after=True)

    def _third(self, *, up: bool, strange: bool) -> tuple[ThirdWord, ...]:
        if self.lying is not None:
            return self.lying
        if "third" in self.lost or self.has(C.CUT_OFF):
            return ()
        everybody = self.has(C.KEY_CHANGED)
        if not up or everybody:
            asleep = self.has(C.ASLEEP) and self.announced
            return (ThirdWord("c", Heard.ASLEEP if asleep else Heard.NO, stranger=everybody),)
        address = NEW if self.has(C.ADDRESS_CHANGED) else OLD
        return (ThirdWord("c", Heard.YES, 1.0, address, answers=True),)

    def _nats(self) -> NatsWord | None:
        if not self.has(C.NATS_DOWN) or "nats" in self.lost:
            if "nats" in self.lost:
                return None
            return NatsWord("10.0.0.3:4222", self._elsewhere(Connect.OPEN), greets=not self.has(C.CUT_OFF))
        if self.nats_here:
            return NatsWord("127.0.0.1:4222", Connect.REFUSED, here=True)
        return NatsWord("10.0.0.3:4222", self._elsewhere(Connect.REFUSED))

    def _elsewhere(self, end: Connect) -> Connect:
        """How a connection to some other machine ends."""
        return Connect.NO_ROUTE if self.has(C.CUT_OFF) else end


LISTED = tuple(sorted(FAULTS - {C.LEFT, C.STORE_BROKEN, C.CUT_OFF}))
"""The causes that a person is promised."""


def possible(topology: str) -> tuple[Cause, ...]:
    """Those that can be there: where nothing goes straight, nothing more can be blocked, and SSH has no way either."""
    if topology == TOPOLOGIES[2]:
        return tuple(cause for cause in LISTED if cause not in (C.PORT_BLOCKED, C.MTU_BLACK_HOLE, C.HOST_KEY_CHANGED))
    return LISTED
