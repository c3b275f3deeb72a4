"""Gathers the evidence for a diagnosis: what this end sees, what the peer signs, what third members say.

Everything is tried at the same time and within its own deadline. Nothing here judges what was found.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from multifleet import __version__
from multifleet.channels.base import ChannelError
from multifleet.channels.witness import CanTell, Witness
from multifleet.core.address import host_of
from multifleet.core.channel_state import ChannelHealth
from multifleet.core.diagnosis.evidence import (
    ChiefWord,
    Connect,
    Evidence,
    Heard,
    Knock,
    Lying,
    NatsWord,
    PeerWord,
    ThirdWord,
)
from multifleet.core.evidence_packets import EvidenceAsk, EvidenceTold, SightAsk, SightTold
from multifleet.core.presence.peer import STOPPED
from multifleet.core.presence.states import PresenceState
from multifleet.core.receipts import State
from multifleet.errors import StoreUnavailable
from multifleet.node.checks.connecting import own_faults, turned_off
from multifleet.node.diagnosis.asking import DIRECT, Way, ask_at, ask_each
from multifleet.node.diagnosis.knocking import best, knock_all, local_end, speaks_nats
from multifleet.node.diagnosis.straight import is_number
from multifleet.node.diagnosis.telling import store_state
from multifleet.node.members import Member
from multifleet.node.roster.words import who_refuses

if TYPE_CHECKING:
    from multifleet.node.engine import Engine

LISTEN_SECONDS, PINGS, PING_AGAIN = 2.4, 3, 0.6
"""How long the peer's answer is waited for, and how many pings are sent meanwhile, so far apart."""
AGAIN_SECONDS = 2.8
THIRDS = 4
THIRD_SECONDS = 4.0
NEW_ADDRESSES = 4
LYING_LIMIT = 200
CHIEF_SECONDS = 4.0
OVER_OTHERS = ("nats", "relay")
NEW_KEY_SECONDS = 86_400.0


async def gather(node: "Engine", name: str) -> Evidence:
    """All evidence about one member, or one that is out; takes ten seconds at the most."""
    member = node.members.get(name)
    known = _known(node, name)
    if member is None or known.out or known.me_out:
        return known
    return await _gather(node, member, known)


def _known(node: "Engine", name: str) -> Evidence:
    """What this node's own records say."""
    view = node.rostering.view
    # A name that somebody in the fleet has is that one's, whoever had it before.
    outs = [] if name in view.members else [out for out in view.out.values() if out.node == name]
    out = max(outs, key=lambda each: each.at).how if outs else ""
    change = node.rostering.key_changes.get(name)
    return Evidence(
        node=name,
        version=__version__,
        out="revoked" if out == "name-taken" else out,
        me_out=view.me_out.how if view.me_out is not None else "",
        other_key_shown=name in node.membership.other_keys,
        new_key=change is not None and node.clock.now() - change.at < NEW_KEY_SECONDS,
    )


async def _gather(node: "Engine", member: Member, known: Evidence) -> Evidence:
    began = node.clock.monotonic()
    target = node.targets.of(member)
    for channel in node.channels:
        if isinstance(channel, CanTell):
            channel.try_anew(target)
    witnesses = _witnesses(node, member)
    ways_asked = ask_each(node, member)
    try:
        knocks, pinged, third, store, around, own = await asyncio.gather(
            knock_all(target.addresses, greet=True),
            _ping(node, member.node, began),
            _ask_others(node, member.node),
            store_state(node.home, node.store.database.degraded, write=True),
            _around(node, member, witnesses),
            knock_all(node.own_addresses() if node.listens else (), AGAIN_SECONDS),
        )
        ways, word, at, again, new_address = await _rest(node, member, ways_asked, knocks, third, began)
    finally:
        for way in ways_asked:
            way.cancel()
    presence = node.presence.peer(member.node)
    straight = node.straight.last(member.node)
    health = node.health_of_channels.of(member.node).get(DIRECT, ChannelHealth())
    nats, chief, ssh = around
    late = _witnesses(node, member)  # what the tries have shown is in it
    if nats is not None:
        fault = next((witness.fault for witness in late if nats.at in witness.servers), "")
        nats = replace(nats, fault=fault, configured=bool(node.config.natsUrl))
    now = node.clock.monotonic()
    return Evidence(
        node=known.node,
        version=known.version,
        other_key_shown=known.other_key_shown,
        new_key=known.new_key,
        store=store,
        state=presence.state.value,
        said_stopped=presence.state is PresenceState.DEAD and presence.how == STOPPED,
        heard=None if straight is None else now - straight[0],
        heard_from="" if straight is None else straight[1],
        pinged=pinged,
        knocks=tuple(knocks),
        knocks_again=tuple(again),
        lasted=now - began,
        looked_for=(at or now) - began,
        asked=tuple(way.asked for way in ways),
        word=word,
        new_address_answers=new_address,
        sizes=next((way.sizes for way in ways if way.sizes is not None), None),
        third=tuple(third),
        hears_anybody=_hears_anybody(node, member.node, third),
        strangers_to=_strangers_to(node, member.node),
        ssh=ssh,
        host_key_changed=host_key_changed(late, ways),
        nats=None if any(way.asked.channel == "nats" and way.asked.answered for way in ways) else nats,
        chief=_with_ways(chief, ways),
        ever_direct=health.last_ok is not None,
        failures=health.failures,
        own_listens=_own_listens(own, knocks),
        off=turned_off(node, member),
        lying=await lying(node, member.node),
        own_faults=await own_faults(node),
        not_tried=() if target.addresses else member.addresses,
    )


async def lying(node: "Engine", name: str) -> tuple[Lying, ...]:
    """What waits for it elsewhere than here, by place."""
    try:
        rows = await node.store.outbox.waiting(name, None, LYING_LIMIT)
        sent = {row.id: row.reason or "" for row in rows if row.state == State.SENT}
        since = await node.store.receipts.sent_at(list(sent)) if sent else {}
    except StoreUnavailable:
        return ()  # the state of the store says so
    now = node.clock.now()
    return tuple(
        Lying(where, len(times), now - min(times))
        for where in dict.fromkeys(sent.values())
        if (times := [at for (id, peer), at in since.items() if peer == name and sent[id] == where])
    )


def _witnesses(node: "Engine", member: Member) -> list[Witness]:
    target = node.targets.of(member)
    return [channel.witness(target) for channel in node.channels if isinstance(channel, CanTell)]


def host_key_changed(witnesses: Sequence[Witness], ways: Sequence[Way]) -> bool:
    """Whether it was this look that met another key: what was so some time ago may have been put right since."""
    failed = [way.asked.words for way in ways if not way.asked.answered]
    refused = [witness.host_key_refused for witness in witnesses if witness.host_key_refused]
    return any(words in said for words in refused for said in failed)


async def _ping(node: "Engine", name: str, began: float) -> bool | None:
    """Whether it answers a ping of this moment; None where this node has no ear for that."""
    if not node.presence.datagrams.addresses:
        return None
    for wait in (*[PING_AGAIN] * (PINGS - 1), LISTEN_SECONDS - PING_AGAIN * (PINGS - 1)):
        node.presence.try_now(name)
        if await node.straight.after(name, began, wait):
            break
    peer = node.presence.peer(name)
    return peer.heard_by == "answer" and peer.heard_at is not None and peer.heard_at >= began


async def _ask_others(node: "Engine", name: str) -> list[ThirdWord]:
    others = [member.node for member in node.members.others() if member.node != name]
    there = [other for other in others if node.presence.is_there(other)][:THIRDS]
    found = await asyncio.gather(*(_ask_other(node, other, name) for other in there))
    return [word for word in found if word is not None]


async def _ask_other(node: "Engine", other: str, name: str) -> ThirdWord | None:
    try:
        told = await node.asking.ask(other, SightAsk(about=name), THIRD_SECONDS)
    except ChannelError:
        return None
    assert isinstance(told, SightTold)
    if told.heard == "unknown":
        return None
    return ThirdWord(other, Heard(told.heard), told.seconds, told.address, told.answers, told.stranger)


def _hears_anybody(node: "Engine", name: str, third: Sequence[ThirdWord]) -> bool | None:
    others = [member.node for member in node.members.others() if member.node != name]
    if not others:
        return None
    return bool(third) or any(node.presence.is_there(one) for one in (name, *others))


def _strangers_to(node: "Engine", name: str) -> tuple[str, ...]:
    others = [member.node for member in node.members.others() if member.node != name]
    health = {other: node.health_of_channels.of(other).get(DIRECT, ChannelHealth()) for other in others}
    fails = {other: known.last_error for other, known in health.items() if known.failures}
    return tuple(who_refuses(fails))


async def _around(
    node: "Engine", member: Member, witnesses: Sequence[Witness]
) -> tuple[NatsWord | None, ChiefWord | None, Connect | None]:
    """What the ways to the peer lead over."""
    own = {host_of(address) for address in (*node.own_addresses(), "127.0.0.1:1", "[::1]:1")}
    servers = [
        (server, witness.server_is_here or host_of(server) in own)
        for witness in witnesses
        for server in witness.servers
    ]
    logins = [address for witness in witnesses for address in witness.ssh]
    nats, chief, ssh = await asyncio.gather(_nats(servers), _chief(node, member), knock_all(logins))
    return nats, chief, best(ssh)


async def _nats(servers: Sequence[tuple[str, bool]]) -> NatsWord | None:
    words = []
    for server, here in servers[:3]:
        end, greets = await speaks_nats(server, AGAIN_SECONDS)
        words.append(NatsWord(server, end, greets, here))
        if greets:
            break
    return words[-1] if words else None


async def _chief(node: "Engine", member: Member) -> ChiefWord | None:
    name = node.chief()
    if name is None or name in (node.id, member.node):
        # The most senior one that is there is the chief: whose word the ways lead over may be one that was it before.
        name = node.roles.chief or None
    chief = node.members.get(name) if name not in (None, node.id, member.node) else None
    if chief is None or name is None:
        return None
    if node.presence.is_there(name):
        return ChiefWord(name, there=True)
    target = node.targets.of(chief)
    knocks, gone = await asyncio.gather(knock_all(target.addresses, AGAIN_SECONDS), _says_no_daemon(node, name))
    return ChiefWord(name, there=False, end=best(knocks), says_no_daemon=gone)


async def _says_no_daemon(node: "Engine", name: str) -> bool:
    try:
        told = await node.asking.ask(name, EvidenceAsk(), CHIEF_SECONDS)
    except ChannelError:
        return False
    return isinstance(told, EvidenceTold) and not told.running


def _with_ways(chief: ChiefWord | None, ways: Sequence[Way]) -> ChiefWord | None:
    if chief is None:
        return None
    failed = any(way.asked.channel in OVER_OTHERS and not way.asked.answered for way in ways)
    return ChiefWord(chief.node, chief.there, chief.end, chief.says_no_daemon, carries=failed)


def _best_word(ways: Sequence[Way]) -> tuple[PeerWord | None, float]:
    """The direct one where there is one."""
    told = sorted((way for way in ways if way.word is not None), key=lambda way: way.asked.channel != DIRECT)
    return (told[0].word, told[0].at) if told else (None, 0.0)


async def _rest(
    node: "Engine",
    member: Member,
    asked: Sequence[asyncio.Task[Way]],
    knocks: Sequence[Knock],
    third: Sequence[ThirdWord],
    began: float,
) -> tuple[list[Way], PeerWord | None, float, list[Knock], str]:
    """What the other channels bring, the best word and when it came, and another look: beside them, where a word is
    there already that it can follow."""
    word, at = _best_word([task.result() for task in asked if task.done()])
    if word is None:
        ways = await asyncio.gather(*asked)
        word, at = _best_word(ways)
        again, address, new_word = await _look_again(node, member, knocks, word, third, began)
        if word is None and new_word is not None:
            word, at = new_word, node.clock.monotonic()
        return ways, word, at, again, address
    look = _look_again(node, member, knocks, word, third, began)
    (again, address, _), ways = await asyncio.gather(look, asyncio.gather(*asked))
    direct, direct_at = _best_word([way for way in ways if way.asked.channel == DIRECT])
    return ways, *((word, at) if direct is None else (direct, direct_at)), again, address


async def _look_again(
    node: "Engine",
    member: Member,
    knocks: Sequence[Knock],
    word: PeerWord | None,
    third: Sequence[ThirdWord],
    began: float,
) -> tuple[list[Knock], str, PeerWord | None]:
    """Where no address opens: the same once more, and the addresses that somebody has just named for the first time, or
    from which something of the peer has come since `began`."""
    if any(knock.end is Connect.OPEN for knock in knocks):
        return [], "", None
    tried = {knock.address for knock in knocks}
    ports = {address.rpartition(":")[2] for address in tried} or {str(node.port)}
    straight = node.straight.last(member.node)
    here = [straight[1]] if straight is not None and straight[0] >= began else []
    places = [*here, *(one.address for one in third if one.address)]
    heard = [f"{_bracketed(host_of(place))}:{port}" for place in places for port in ports]
    named = dict.fromkeys([*(word.addresses if word is not None else ()), *heard])
    fresh = [address for address in named if address not in tried][:NEW_ADDRESSES]
    again, words = await asyncio.gather(
        knock_all((knock.address for knock in knocks) if word is not None else (), AGAIN_SECONDS),
        asyncio.gather(*(ask_at(node, member, address) for address in fresh)),
    )
    for address, said in zip(fresh, words, strict=True):
        if said is not None:
            return again, address, said
    return again, "", None


def _own_listens(own: Sequence[Knock], knocks: Sequence[Knock]) -> tuple[str, ...]:
    """This node's addresses at which it reaches itself and from which it reaches the peer."""
    ends = set()
    for knock in knocks:
        if knock.end is Connect.OPEN and is_number(host_of(knock.address)):
            ends.add(local_end(knock.address))
    return tuple(knock.address for knock in own if knock.end is Connect.OPEN and host_of(knock.address) in ends)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
