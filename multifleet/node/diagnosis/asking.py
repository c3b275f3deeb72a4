"""Asks a peer how it is, over each channel that answers; and whether large questions arrive where small ones do."""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from multifleet.channels.base import Carried, ChannelError, Parcel, Target
from multifleet.core.cascade import OutcomeKind
from multifleet.core.diagnosis.evidence import Asked, Connect, PeerWord, Sizes, Store
from multifleet.core.evidence_packets import PAD_LIMIT, EvidenceAsk, EvidenceTold
from multifleet.core.replay import OFFSET_ANSWER_LIMIT
from multifleet.core.routing import CHANNELS
from multifleet.node.members import Member
from multifleet.node.roster.words import UNKNOWN_HERE

if TYPE_CHECKING:
    from multifleet.node.engine import Engine

DIRECT = "http"
WAY_SECONDS = 7.0
"""For one channel: an empty request, and the question how the peer is."""
WORD_SECONDS = 5.0
LARGE = 4_096
LARGE_SECONDS = 4.0
DOUBT_SECONDS = 0.8
"""Seconds after which a large question that is not answered is asked again twice, beside the first one."""
LARGE_TIMES = 3
AT_SECONDS = 2.5
"""For one address that the peer has just named."""
assert LARGE <= PAD_LIMIT


@dataclass(frozen=True, slots=True)
class Way:
    """What one channel brought."""

    asked: Asked
    word: PeerWord | None = None
    at: float = 0.0
    """Monotonic: when the word came."""
    sizes: Sizes | None = None


def ask_each(node: "Engine", member: Member) -> list[asyncio.Task[Way]]:
    """Each channel that could bring an answer, at the same time; who calls it cancels what is left."""
    target = node.targets.of(member)
    names = [
        name for name in node.targets.channels if CHANNELS[name].answers and not node.targets.why_not(name, target)
    ]
    return [asyncio.create_task(_ask_by(node, member, name), name=f"diagnosis: {name}") for name in names]


async def _ask_by(node: "Engine", member: Member, channel: str) -> Way:
    asked = Asked(channel, answered=False, words=f"no answer in {WAY_SECONDS:g} s")
    word, at = None, 0.0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAY_SECONDS):
            asked = await check(node, member, channel)
            if asked.answered and asked.refusal != "outside_window":
                word, at = await _word(node, member, channel)
    direct = channel == DIRECT and asked.answered and not asked.refusal
    return Way(asked, word, at, await ask_sizes(node, member) if direct else None)


async def check(node: "Engine", member: Member, channel: str) -> Asked:
    """An empty request on one channel, and what came of it."""
    began = node.clock.monotonic()
    outcome = await node.attempts.check(member, channel)
    seconds = node.clock.monotonic() - began
    words = outcome.error or ""
    answered = outcome.kind in (OutcomeKind.STORED, OutcomeKind.REFUSED_BY_PEER) or bool(outcome.refusal)
    return Asked(
        channel,
        answered=answered,
        refusal=outcome.refusal,
        # What the peer signed may hold any words; what came unsigned is told in our own.
        stranger=not answered and UNKNOWN_HERE in words,
        words=words,
        seconds=seconds,
    )


async def _word(node: "Engine", member: Member, channel: str) -> tuple[PeerWord | None, float]:
    question = EvidenceAsk(look=True)
    return await _told(node, member, channel, node.asking.ask_by(member.node, channel, question, WORD_SECONDS))


async def _told(
    node: "Engine", member: Member, channel: str, asking: Coroutine[Any, Any, msgspec.Struct]
) -> tuple[PeerWord | None, float]:
    """What the peer tells of itself, and when that came."""
    began = node.clock.monotonic()
    try:
        told = await asking
    except ChannelError:
        return None, 0.0
    assert isinstance(told, EvidenceTold)
    at = node.clock.monotonic()
    offset = member.offset if at - began <= OFFSET_ANSWER_LIMIT else None
    return _word_of(node, channel, told, offset), at


def _word_of(node: "Engine", channel: str, told: EvidenceTold, offset: float | None) -> PeerWord:
    """What a peer told, as evidence; `offset` is between the clocks of the nodes, which may differ from their
    machines'."""
    if offset is not None:
        offset += told.step - (node.clock.wall() - node.clock.now())
    return PeerWord(
        channel=channel,
        running=told.running,
        uptime=told.uptime,
        store=Store(told.store),
        disk_free=told.disk_free,
        offset=offset,
        version=told.version,
        addresses=tuple(told.addresses),
        listens=tuple(told.listens),
        reaches=Connect(told.reaches) if told.reaches else None,
        tried=tuple(told.tried),
        failures=told.failures,
        heard_this=told.heard,
    )


async def ask_at(node: "Engine", member: Member, address: str) -> PeerWord | None:
    """How the peer is, asked at an address that somebody has just named; None where it does not answer there."""
    channel = node.targets.channels.get(DIRECT)
    if channel is None or not node.ways.may_be_at(address, member):
        return None

    async def carry(target: Target, parcel: Parcel) -> Carried:
        return await channel.deliver(replace(target, addresses=(address,)), parcel)

    asking = node.asking.ask_over(member.node, EvidenceAsk(look=True), AT_SECONDS, carry)
    word, _ = await _told(node, member, DIRECT, asking)
    if word is not None:
        node.heard(member, address)
    return word


async def ask_sizes(node: "Engine", member: Member) -> Sizes:
    """Large and small questions by turns on the direct channel; ends at once where a large one is answered."""
    small = [await _sized(node, member, 0)]
    first = asyncio.create_task(_sized(node, member, LARGE), name="large question")
    try:
        await asyncio.wait([first], timeout=DOUBT_SECONDS)
        if first.done() and first.result() is not False:
            large = [first.result()]
        else:
            more = (_sized(node, member, LARGE) for _ in range(LARGE_TIMES - 1))
            found = await asyncio.gather(first, *more, _sized(node, member, 0))
            large, small = list(found[:-1]), [*small, found[-1]]
            small.append(await _sized(node, member, 0))
    finally:
        first.cancel()
    told = [answered for answered in large if answered is not None]
    heard = [answered for answered in small if answered is not None]
    return Sizes(
        small=sum(heard),
        small_of=len(heard),
        large=sum(told),
        large_of=len(told),
        small_after=len(small) > 1 and small[-1] is True,
    )


async def _sized(node: "Engine", member: Member, size: int) -> bool | None:
    """Whether a question of so many bytes, with an answer as long, was answered; None where that says nothing."""
    ask = EvidenceAsk(pad="x" * size, want=size)
    try:
        async with asyncio.timeout(LARGE_SECONDS):
            await node.asking.ask_by(member.node, DIRECT, ask, 2 * LARGE_SECONDS)
    except TimeoutError:
        return False
    except ChannelError:
        return None  # somebody said no, or the connection ended: that is not what is looked for
    return True
