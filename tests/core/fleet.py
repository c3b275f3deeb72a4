"""Small fleets for the tests of the roster: nodes with fixed keys, and the documents that they sign."""

import functools
from typing import Any

from multifleet.core.card import sign_card
from multifleet.core.documents import Admission, Leave, Revocation, Signed, Stop, from_card, sign
from multifleet.core.keys import Identity
from multifleet.core.roster import Anchor, Roster
from tests.core import wire
from tests.core.wire import FLEET

NOW = 1_700_000_000_000


@functools.cache
def identity(node: str) -> Identity:
    """The keys of a node; a node `laptop.2` has the id `laptop` and other keys than `laptop`."""
    made = wire.identity(node)
    return Identity(node.partition(".")[0], made.ed25519, made.x25519)


@functools.cache
def key(node: str) -> str:
    """Its Ed25519 key, in hex."""
    return identity(node).public.hex()


@functools.cache
def exchange_key(node: str) -> str:
    """Its X25519 key, in hex."""
    return identity(node).exchange_public.hex()


def admits(by: str, node: str, at: int = 1, /, **fields: Any) -> Signed:
    """`by` lets `node` in, as a captain where nothing else is said."""
    made = {"fleet": FLEET, "node": identity(node).node, "key": key(node), "role": "captain", "eligible": True}
    return sign(identity(by), Admission(**{**made, "by": key(by), "at": at, **fields}))


def revokes(
    by: str, node: str, at: int = 1, /, admitted: tuple[str, ...] = (), revoked: tuple[str, ...] = (), **fields: Any
) -> Signed:
    """`by` puts `node` out and stands by what it had done to those that are named."""
    made = {"fleet": FLEET, "node": identity(node).node, "key": key(node), "by": key(by), "at": at, "reason": ""}
    lists = {"admitted": [key(each) for each in admitted], "revoked": [key(each) for each in revoked]}
    return sign(identity(by), Revocation(**{**made, **lists, **fields}))


def leaves(node: str, at: int = 1, /, **fields: Any) -> Signed:
    """`node` leaves."""
    made = {"fleet": FLEET, "node": identity(node).node, "key": key(node), "at": at}
    return sign(identity(node), Leave(**{**made, **fields}))


def stops(node: str, at: int = 1, /, *, stopped: bool = True, **fields: Any) -> Signed:
    """`node` stops the fleet, or lets it go on."""
    return sign(identity(node), Stop(**{"fleet": FLEET, "by": key(node), "at": at, "stopped": stopped, **fields}))


def shows(node: str, issued: int = 1, addresses: tuple[str, ...] = ("127.0.0.1:8855",)) -> Signed:
    """The card of `node`."""
    return from_card(sign_card(identity(node), list(addresses), issued, "1.2.3"))


def roster(*documents: Signed, me: str = "mac1", founders: tuple[str, ...] = ("mac1",)) -> Roster:
    """What `me` has when mac1 founded the fleet and these documents came, which are all good."""
    made = Roster(FLEET, key(me), {key(each): Anchor(identity(each).node) for each in founders})
    merged = made.merge(documents)
    assert not merged.refused
    return made


def members(made: Roster) -> set[str]:
    """The node ids of the members."""
    return set(made.view().members)


def out(made: Roster) -> dict[str, str]:
    """Node id and how, of those that are out."""
    return {gone.node: gone.how for gone in made.view().out.values()}
