"""Answers what other members ask for their diagnoses: how this node is, how it sees them, and whether it hears a third.

Only members are answered, each only so often; connections go to this node's own addresses and to those at which the
member that asks was met before, and one ping to the member that is asked about. What a card alone claims is not tried:
whoever asks is told how that ended, and would learn of any port of any machine that this one reaches.
"""

import asyncio
import errno
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from multifleet import __version__
from multifleet.core.cascade import OutcomeKind
from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.diagnosis.evidence import Connect, Store
from multifleet.core.evidence_packets import (
    ADDRESSES_LIMIT,
    EvidenceAsk,
    EvidenceTold,
    SightAsk,
    SightTold,
)
from multifleet.core.limits import TokenBucket
from multifleet.core.presence.states import PresenceState
from multifleet.errors import BadInput
from multifleet.node.checks import disk
from multifleet.node.diagnosis.knocking import best, knock_all
from multifleet.node.members import Member
from multifleet.node.presence.facts import free_megabytes
from multifleet.node.roster.words import UNKNOWN_HERE

if TYPE_CHECKING:
    from multifleet.node.engine import Engine

AT_ONCE, EVERY = 30, 1.0
"""Questions of one member that are answered in a row, and the seconds after which one more is."""
LOOK_SECONDS = 2.4
SOON, HEAR_SECONDS, TRY_SECONDS = 0.3, 1.5, 2.5
"""For a ping to be answered before anything else is tried; in all; and for an answer over HTTP, beside that."""
DIRECT = "http"
FULL, READ_ONLY = "disk is full", "cannot be written"
_READ_ONLY = (errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM)
_PLACE = re.compile(r"[0-9A-Za-z.:%_\[\]-]{1,128}")

StoreWord = Literal["ok", "full", "read_only", "broken"]
_STORE: dict[Store, StoreWord] = {
    Store.OK: "ok",
    Store.FULL: "full",
    Store.READ_ONLY: "read_only",
    Store.BROKEN: "broken",
}
_REACHES: dict[Connect | None, Literal["", "open", "refused", "no answer", "no route", "unknown name"]] = {
    None: "",
    Connect.OPEN: "open",
    Connect.REFUSED: "refused",
    Connect.SILENT: "no answer",
    Connect.NO_ROUTE: "no route",
    Connect.NO_NAME: "unknown name",
}


class Telling:
    """One for the node."""

    def __init__(self, parts: "Engine") -> None:
        self._parts = parts
        self._asked: dict[str, TokenBucket] = {}

    async def evidence(self, asker: str, ask: EvidenceAsk) -> EvidenceTold:
        """How this node is, and how it sees the asker."""
        self._take(asker)
        parts = self._parts
        running = parts.is_running
        look = ask.look and running
        mine = _places(parts.own_addresses()) if running else []
        theirs = _places(parts.ways.proved(parts.members.need(asker))) if look else []
        state, own, tried = await asyncio.gather(
            store_state(parts.home, parts.store.database.degraded, write=ask.look),
            knock_all(mine if look else (), LOOK_SECONDS),
            knock_all(theirs, LOOK_SECONDS),
        )
        health = parts.health_of_channels.of(asker)
        last = parts.straight.last(asker)
        return EvidenceTold(
            running=running,
            uptime=max(0.0, parts.clock.monotonic() - parts.began) if running else 0.0,
            version=__version__,
            store=_STORE[state],
            disk_free=free_megabytes(parts.home),
            step=parts.clock.wall() - parts.clock.now(),
            addresses=mine,
            listens=[knock.address for knock in own if knock.end is Connect.OPEN],
            reaches=_REACHES[best(tried)],
            tried=[knock.address for knock in tried],
            failures=health.get(DIRECT, ChannelHealth()).failures,
            heard=None if last is None else max(0.0, parts.clock.monotonic() - last[0]),
            channels={name: known.state.value for name, known in health.items()},
            pad="x" * ask.want,
        )

    async def sight(self, asker: str, ask: SightAsk) -> SightTold:
        """Whether this node hears a member now: it is pinged for that."""
        self._take(asker)
        parts = self._parts
        member = parts.members.get(ask.about)
        if member is None or ask.about in (asker, parts.id):
            return SightTold(heard="unknown")
        now = parts.clock.monotonic()
        parts.presence.try_now(ask.about)
        hears, stranger = await parts.straight.after(ask.about, now, SOON), False
        if not hears:
            hearing = parts.straight.after(ask.about, now, HEAR_SECONDS - SOON)
            hears, stranger = await asyncio.gather(hearing, self._is_stranger_to(member))
        last = parts.straight.last(ask.about)
        http = parts.health_of_channels.of(ask.about).get(DIRECT, ChannelHealth())
        asleep = parts.presence.peer(ask.about).state is PresenceState.ASLEEP
        fails = http.state not in (ChannelState.HEALTHY, ChannelState.UNTRIED)
        return SightTold(
            heard="yes" if hears else "asleep" if asleep else "no",
            seconds=None if last is None else max(0.0, parts.clock.monotonic() - last[0]),
            address=_place(last[1]) if last is not None else "",
            answers=None if http.state is ChannelState.UNTRIED else not fails,
            stranger=stranger,
        )

    async def _is_stranger_to(self, member: Member) -> bool:
        """Whether somebody answers for a member that is not heard, and does not know this node: tried now, for what was
        so a while ago may have been put right since."""
        try:
            async with asyncio.timeout(TRY_SECONDS):
                outcome = await self._parts.attempts.check(member, DIRECT)
        except TimeoutError:
            return False
        return outcome.kind is OutcomeKind.FAILED and not outcome.refusal and UNKNOWN_HERE in (outcome.error or "")

    def _take(self, asker: str) -> None:
        """BadInput for one who asks too often."""
        bucket = self._asked.setdefault(asker, TokenBucket(AT_ONCE, 1 / EVERY))
        if bucket.take(self._parts.clock.monotonic()) > 0.0:
            raise BadInput("asked too often for a diagnosis: ask again in a few seconds")
        for gone in [name for name in self._asked if self._parts.members.get(name) is None]:
            del self._asked[gone]


async def store_state(home: Path, degraded: str | None, *, write: bool) -> Store:
    """Whether this node can write what it is given; with `write` a file is written to see it."""
    if degraded is not None:
        return Store.FULL if FULL in degraded else Store.READ_ONLY if READ_ONLY in degraded else Store.BROKEN
    if not write:
        return Store.OK
    try:
        await asyncio.to_thread(disk.write_there, home)
    except OSError as error:
        if error.errno in disk.FULL:
            return Store.FULL
        # Anything else, too many open files say, is no fault of the disk.
        return Store.READ_ONLY if error.errno in _READ_ONLY else Store.OK
    return Store.OK


def _places(addresses: "list[str] | tuple[str, ...]") -> list[str]:
    return [address for address in addresses if _PLACE.fullmatch(address)][:ADDRESSES_LIMIT]


def _place(address: str) -> str:
    return address if _PLACE.fullmatch(address) else ""
