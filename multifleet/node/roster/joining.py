"""How machines become members: one types the code that another one shows, or both know the fleet's shared key.

Either side proves with a MAC that it knows the secret; from then on each has pinned the other's identity key, and the
secret is worth nothing.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec

from multifleet.channels.connections import Connections
from multifleet.config import join_address, split_address
from multifleet.core.card import BadCard, Card, Key, SignedCard, read_card
from multifleet.core.documents import Moment, NodeId, Role, Signed, as_card, from_card
from multifleet.core.invite import (
    INVITE_LIFETIME,
    SECRET_BYTES,
    BadCode,
    Invite,
    join_key,
    join_mac,
    read_code,
    write_code,
)
from multifleet.core.roster import Anchor
from multifleet.core.strict import NotStrict, parse
from multifleet.errors import (
    BadInput,
    InviteExpired,
    InviteWrong,
    KeyChanged,
    MultifleetError,
)
from multifleet.node.addresses import is_loopback
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.roster.door import post_first
from multifleet.node.roster.membership import Membership
from multifleet.store.rows import InviteRow, PeerRow
from multifleet.store.store import Store

REMEMBERED = 86_400.0
"""Seconds that an expired invitation is remembered, to tell a late code from a wrong one."""

T = TypeVar("T")
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32,64}\\Z")]


class Handshake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The outside of both halves: JSON text under a MAC."""

    body: str
    mac: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]
    kind: Literal["join", "hello"] = "join"


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the joiner says. `fleet` is empty where it has no other members."""

    card: SignedCard
    nonce: Hex
    fleet: Annotated[str, msgspec.Meta(max_length=64)] = ""


TOLD_BY_LIMIT = 16


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member as the inviter knows it (see core.roster_view.Anchor)."""

    key: Key
    node: NodeId
    role: Role
    eligible: bool
    by: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?\\Z")] = ""
    at: Moment = 0
    told_by: Annotated[list[Key], msgspec.Meta(max_length=TOLD_BY_LIMIT)] = []


class Letting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the inviter says; `re` is the joiner's nonce. The joiner is among the `members`."""

    card: SignedCard
    fleet: Annotated[str, msgspec.Meta(max_length=64)]
    nonce: Hex
    re: Hex
    members: Annotated[list[Known], msgspec.Meta(max_length=4_096)] = []
    documents: Annotated[list[Signed], msgspec.Meta(max_length=8)] = []


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that was made."""

    code: str
    expires_at: float
    command: str
    addresses: list[str]


class Joining:
    """Both sides of it, for one node."""

    def __init__(
        self, membership: Membership, store: Store, clock: NodeClock, counters: Counters, connections: Connections
    ) -> None:
        self._membership = membership
        self._store = store
        self._clock = clock
        self._counters = counters
        self._connections = connections

    async def invite(self, at: Sequence[str], role: Role = "captain") -> Invited:
        """Make a code that lets one machine in within ten minutes, in this role."""
        self._membership.need_captain("let others in")
        addresses = [_checked(address) for address in at] or self._membership.own_addresses()
        host, port = split_address(addresses[0])
        secret = secrets.token_bytes(SECRET_BYTES)
        try:
            code = write_code(Invite(host, port, secret))
        except ValueError:
            raise BadInput(f"{host} is a name; a code carries an IP address: multifleet invite --at IP:PORT") from None
        expires = self._clock.now() + INVITE_LIFETIME
        await self._store.invites.add(InviteRow(secrets.token_hex(8), secret, "", expires, role=role))
        more = "".join(f" --at {address}" for address in addresses[1:4])
        return Invited(code, expires, f"multifleet join {code}{more}", addresses)

    async def take(self, data: bytes, remote: str) -> tuple[int, bytes]:
        """A machine asks to be let in; (HTTP status, answer)."""
        try:
            return 200, await self._let_in(data, remote)
        except MultifleetError as error:
            self._counters.failed(f"join_refused_{error.code}", remote=remote)
            return error.status, msgspec.json.encode({"error": {"code": error.code, "message": str(error)}})

    async def join(self, code: str, at: Sequence[str]) -> tuple[str, list[str]]:
        """Join the fleet of the machine that showed the code; (its node id, its addresses)."""
        try:
            invite = read_code(code)
        except BadCode as error:
            raise InviteWrong(str(error)) from None
        addresses = [join_address(invite.host, invite.port), *(_checked(address) for address in at)]
        return await self._ask("join", join_key(invite.secret, "join"), list(dict.fromkeys(addresses)), None)

    async def greet(self, node: str, addresses: Sequence[str], shared: bytes) -> None:
        """Say hello to a configured machine that is not pinned yet."""
        await self._ask("hello", join_key(shared, "hello"), addresses, node)

    async def _let_in(self, data: bytes, remote: str) -> bytes:
        self._membership.need_caught_up()
        handshake = _read(data, Handshake)
        key, invite = await self._key_of(handshake)
        asking = _read(handshake.body.encode(), Asking)
        card = _card(asking.card)
        self._membership.check_fleet(asking.fleet, card.node)
        if handshake.kind == "hello":
            self._membership.check_hello(card)
        observed = join_address(remote, _port_of(card)) if remote else None
        row = self._row(card, asking.card, observed, handshake.kind)
        self._membership.check_key(row)
        if invite is not None:
            self._membership.need_inviter()
            await self._membership.let_in(
                self._store.invites, invite, row, from_card(asking.card), asking.nonce, self._clock.now()
            )
        else:
            await self._membership.greeted(row, card, from_card(asking.card))
        return self._letting(handshake, asking, row.ed25519.hex(), key)

    def _letting(self, handshake: Handshake, asking: Asking, joiner: str, key: bytes) -> bytes:
        roster = self._membership.rostering.roster
        letting = Letting(
            card=as_card(self._membership.rostering.own.card()),
            fleet=self._membership.fleet,
            nonce=secrets.token_hex(16),
            re=asking.nonce,
            members=[
                Known(known, anchor.node, anchor.role, anchor.eligible, anchor.by, anchor.at, list(anchor.told_by))
                for known, anchor in roster.told().items()
            ],
            documents=[held.signed for held in roster.held("admission", joiner)][:8],
        )
        body = msgspec.json.encode(letting).decode()
        mac = join_mac(key, "i", handshake.body.encode() + body.encode())
        return msgspec.json.encode(Handshake(body, mac, handshake.kind))

    async def _key_of(self, handshake: Handshake) -> tuple[bytes, InviteRow | None]:
        body = handshake.body.encode()
        if handshake.kind == "hello":
            shared = self._membership.shared_key
            if self._membership.is_key_retired:
                self._counters.count("hello_refused_retired")
                raise InviteWrong("the fleet's shared key lets nobody in since a machine was revoked: use a join code")
            key = join_key(shared or b"", "hello")
            if shared is None or not hmac.compare_digest(join_mac(key, "j", body), handshake.mac):
                raise InviteWrong("the fleet's shared key is another one here: set the same FLEET_NERVE_HMAC_KEY")
            return key, None
        now = self._clock.now()
        for invite in await self._store.invites.open(now - REMEMBERED):
            key = join_key(invite.secret, "join")
            if hmac.compare_digest(join_mac(key, "j", body), handshake.mac):
                if invite.expires <= now:
                    raise InviteExpired(
                        "the join code is older than ten minutes: ask for a new one with multifleet invite"
                    )
                return key, invite
        raise InviteWrong(
            "no invitation fits this join code: copy it again, or ask for a new one with multifleet invite"
        )

    async def _ask(
        self, kind: Literal["join", "hello"], key: bytes, addresses: Sequence[str], expected: str | None
    ) -> tuple[str, list[str]]:
        nonce = secrets.token_hex(16)
        card = as_card(self._membership.rostering.own.card())
        asking = Asking(card=card, nonce=nonce, fleet=self._membership.fleet_if_shared())
        body = msgspec.json.encode(asking).decode()
        data = msgspec.json.encode(Handshake(body, join_mac(key, "j", body.encode()), kind))
        answer, address = await post_first(self._connections, expected, addresses, data)
        handshake = _read(answer, Handshake)
        mac = join_mac(key, "i", body.encode() + handshake.body.encode())
        if not hmac.compare_digest(mac, handshake.mac):
            raise InviteWrong(
                f"{address} answered without knowing the code: somebody is in between, or the code is another's"
            )
        letting = _read(handshake.body.encode(), Letting)
        if letting.re != nonce:
            raise InviteWrong(f"{address} answered another machine's question: try again")
        told = _card(letting.card)
        if expected is not None and told.node != expected:
            raise KeyChanged(f"{address} is {told.node}, not {expected}: mend the addresses in config.json")
        row = self._row(told, letting.card, address, kind)
        self._membership.check_key(row)
        teller = row.ed25519.hex()
        anchors = {known.key: self._anchor(known, teller) for known in letting.members}
        if kind == "join" and not {row.ed25519.hex(), self._membership.rostering.key} <= anchors.keys():
            raise BadInput(f"{told.node} lets this machine in without saying so: is multifleet the same version there?")
        await self._membership.enter(
            kind, letting.fleet, anchors, letting.documents, row, told, from_card(letting.card)
        )
        return told.node, list(row.addresses)

    def _anchor(self, known: Known, teller: str) -> Anchor:
        """What is believed of a member because the inviter says so; of the two of them nobody else's word is needed."""
        tellers = () if known.key in (teller, self._membership.rostering.key) else (*known.told_by, teller)
        told_by = tuple(dict.fromkeys(tellers))[-TOLD_BY_LIMIT:]
        return Anchor(known.node, known.role, known.eligible, known.by, known.at, told_by)

    def _row(self, card: Card, signed: SignedCard, observed: str | None, via: str) -> PeerRow:
        # A neighbour on this very machine calls from an address that says nothing about where it listens.
        near = observed is not None and is_loopback(split_address(observed)[0])
        last = [observed] if observed and not (near and card.addresses) else []
        return PeerRow(
            node=card.node,
            ed25519=bytes.fromhex(card.ed25519),
            x25519=bytes.fromhex(card.x25519),
            card=signed.card.encode(),
            signature=bytes.fromhex(signed.signature),
            addresses=tuple(dict.fromkeys([*card.addresses, *last])),
            added_at=self._clock.now(),
            via=via,
            heard_from=observed if near else None,
        )


def _checked(address: str) -> str:
    try:
        return join_address(*split_address(address))
    except ValueError as error:
        raise BadInput(f"{error}") from None


def _port_of(card: Card) -> int:
    for address in card.addresses:
        try:
            return split_address(address)[1]
        except ValueError:
            continue
    raise BadInput("the card names no address")


def _card(signed: SignedCard) -> Card:
    try:
        return read_card(signed)
    except BadCard as error:
        raise BadInput(str(error)) from None


def _read(data: bytes, form: type[T]) -> T:
    try:
        return msgspec.convert(parse(data), form)
    except (NotStrict, msgspec.ValidationError) as error:
        raise BadInput(f"not a join: {error}") from None
