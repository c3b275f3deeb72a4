"""Where a member's datagrams and frames go: to the address that is known to be its, and while that is in doubt to every
one that somebody has named.

An address becomes a member's only when a ping that was sent there is answered from there. Everything else is a guess
that costs a few datagrams: what its card names, what the configuration does, where something of it came from. No member
can send this node to a host name, or to this very machine: whatever listens there did not ask for it.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from multifleet.config import join_address, split_address
from multifleet.core.address import host_of
from multifleet.core.card import addresses_in
from multifleet.node.addresses import ANY, is_loopback
from multifleet.node.members import Member
from multifleet.node.presence.datagrams import Source

LIMIT = 16
"""Addresses of one member that are tried."""
OPEN_PINGS = 64
"""Pings to one member of which is remembered where they went."""
TRIES = 3
"""Pings that also go where something came from lately, until one is answered from there."""
GUESS_REST = 1.0
"""Seconds between two such guesses about one member: what is recorded and sent again from anywhere makes few pings."""

Hints = Callable[[str], Iterable[str]]
"""More addresses of a member, by what this machine's network says."""


class Ways:
    """One for the node."""

    def __init__(
        self, configured: Mapping[str, Sequence[str]], of_http: Callable[[str], str | None], hints: Hints
    ) -> None:
        self._configured = configured
        self._of_http = of_http
        self._hints = hints
        self._best: dict[str, Source] = {}
        self._guess: dict[str, tuple[Source, int]] = {}
        self._guess_after: dict[str, float] = {}
        self._told: dict[str, tuple[str, ...]] = {}
        self._open: dict[str, OrderedDict[int, tuple[Source, ...]]] = {}
        self._own: frozenset[Source] = frozenset()
        self._only_near = True

    def start(self, listens: Sequence[Source], addresses: Iterable[str]) -> None:
        """Learn where this node itself listens, and by which addresses others know it: nobody else is there."""
        known = (_ip_and_port(address) for address in addresses)
        near = [(host, port) for _, port in listens for host in ("127.0.0.1", "::1")]
        own = {*listens, *(found for found in known if found is not None)}
        self._only_near = all(is_loopback(host) for host, _ in own)
        is_everywhere = any(host in ANY for host, _ in listens)
        self._own = frozenset(own | set(near) if is_everywhere else own)

    def best(self, node: str) -> str | None:
        """The address that answered last."""
        known = self._best.get(node)
        return join_address(*known) if known else None

    def know(self, node: str, address: str | None) -> None:
        """The address that answered before the last restart."""
        known = _ip_and_port(address) if address else None
        if known is not None:
            self._best.setdefault(node, known)

    def told(self, node: str, addresses: Iterable[str]) -> None:
        """The member itself says, signed, that it is there now; they are tried after those that are known."""
        self._told[node] = tuple(addresses)[:LIMIT]

    def usual(self, member: Member) -> list[Source]:
        """Where a ping goes: one address, and a second one while something comes from there."""
        best = self._best.get(member.node) or self._usable(self._of_http(member.node), member)
        if best is None:
            return self.all(member)
        guess, tries = self._guess.get(member.node, (best, 0))
        if guess == best or tries >= TRIES:
            return [best]
        self._guess[member.node] = (guess, tries + 1)
        return [best, guess]

    def all(self, member: Member) -> list[Source]:
        """Every address that is worth a try, the likeliest first; where something came from lately only so often."""
        named = (
            self._of_http(member.node),
            member.calls_from,
            *member.addresses,
            *self._configured.get(member.node, ()),
            *self._hints(member.node),
            *self._told.get(member.node, ()),
        )
        best, (guess, tries) = self._best.get(member.node), self._guess.get(member.node, (None, TRIES))
        found = dict.fromkeys([best] if best else [])
        if guess is not None and tries < TRIES:
            found[guess] = None
            self._guess[member.node] = guess, tries + 1
        for address in named:
            usable = self._usable(address, member)
            if usable is not None:
                found[usable] = None
            if len(found) >= LIMIT:
                break
        return list(found)

    def for_frames(self, member: Member) -> tuple[str, ...]:
        """Every address to which a frame for this member may be posted, the likeliest first.

        A host name, or a loopback address of a member elsewhere, is only what this machine's user has said.
        """
        known = tuple(dict.fromkeys((*member.reachable_at, *self._told.get(member.node, ()))))
        if member.row.via == "self":
            return known
        return tuple(one for one in known if self._usable(one, member) is not None or self._is_own_word(one, member))

    def proved(self, member: Member) -> tuple[str, ...]:
        """Addresses at which the member itself has answered, and what this machine's user has said: nothing that its
        card alone claims."""
        named = (self.best(member.node), self._of_http(member.node), *self._configured.get(member.node, ()))
        return tuple(dict.fromkeys(address for address in named if address))

    def may_be_at(self, address: str, member: Member) -> bool:
        """Whether a frame for this member may be posted to an address that somebody has just named."""
        return self._usable(address, member) is not None

    def _is_own_word(self, address: str, member: Member) -> bool:
        """Whether it was configured or typed here, or seen by this node itself: not named by the member's card."""
        if address in self._configured.get(member.node, ()):
            return True
        return address in member.addresses and address not in addresses_in(member.row.card)

    def pinged(self, node: str, count: int, addresses: Sequence[Source]) -> None:
        """A ping is on its way."""
        pings = self._open.setdefault(node, OrderedDict())
        pings[count] = tuple(addresses)
        while len(pings) > OPEN_PINGS:
            pings.popitem(last=False)

    def answered(self, node: str, count: int, source: Source) -> bool:
        """A ping was answered; whether the member's address is another one by that.

        A host with several addresses may answer from another one than was asked: then the one that was asked is good,
        if it was the only one.
        """
        pings = self._open.get(node)
        asked = pings.get(count, ()) if pings is not None else ()
        good = source if source in asked else asked[0] if len(asked) == 1 else None
        if good is None or good == self._best.get(node):
            return False
        self._best[node] = good
        return True

    def came_from(self, member: Member, source: Source, now: float, *, is_fresh: bool) -> bool:
        """Something of the member that is new here came from there; whether that is news, and worth a ping.

        Only where it `is_fresh`, of the boot that the member has proved, it may be called there: what was recorded of
        older boots is new as well, and comes from wherever somebody sends it.
        """
        if source == self._best.get(member.node) or "%" in source[0] or now < self._guess_after.get(member.node, now):
            return False
        address = join_address(*source)
        if is_fresh:
            member.calls_from = address
        known, _ = self._guess.get(member.node, (None, 0))
        if known == source or self._usable(address, member) is None:
            return False
        self._guess[member.node] = (source, 0)
        self._guess_after[member.node] = now + GUESS_REST
        return True

    def forget(self, node: str) -> None:
        """It is no member any more."""
        self._best.pop(node, None)
        self._guess.pop(node, None)
        self._told.pop(node, None)
        self._guess_after.pop(node, None)
        self._open.pop(node, None)

    def _usable(self, address: str | None, member: Member) -> Source | None:
        """An address to which a datagram may go: of one host, which is not this one unless the member is here too."""
        found = _ip_and_port(address) if address else None
        if found is None or found in self._own:
            return None
        if is_loopback(found[0]) and not self._is_near(member):
            return None
        return found

    def _is_near(self, member: Member) -> bool:
        """Whether the member may run on this machine: it called from a loopback address or answered at one, as when it
        joined, or no other is listened on."""
        met = (member.calls_from, member.heard_from, self.best(member.node))
        return self._only_near or any(address is not None and is_loopback(host_of(address)) for address in met)


@lru_cache(8_192)
def _ip_and_port(address: str) -> Source | None:
    try:
        host, port = split_address(address)
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None  # a name, or nothing: one member's odd card must not silence this node for the others
    of_many = ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255"
    in_disguise = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None
    return None if port == 0 or of_many or in_disguise else (str(ip), port)
