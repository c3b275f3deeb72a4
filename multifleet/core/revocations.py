"""Which revocations count when captains put each other out: an argument graph and its grounded extension.

A revocation *defeats* what its target signed and it does not name: the target's own revocations, and the authority of
those that the target let in. Whoever is defeated defeats nobody. What follows from that without a guess is accepted or
void; what is left over (two captains that put each other out) is disputed, and only a person can say who was right.

P. M. Dung, "On the acceptability of arguments…", Artificial Intelligence 77 (1995): the grounded extension is the least
fixed point of applying "what these do not defeat" twice. No clocks take part: a thief can date a document as he likes.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

ROUNDS = 8
"""Reply to reply to reply, two in each: what is not settled by then is disputed, so that nobody can make this take
long."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody's word that a key is in."""

    key: str
    by: str
    """The signer; empty for a root, which this node believes in without a document."""
    node: str
    captain: bool
    eligible: bool
    at: int
    id: str
    told: bool = False
    """No document says it, but whoever let this node in: good as long as `by` is not known to have lost its place."""
    told_by: tuple[str, ...] = ()
    """Whose word it is alone: once one of them is revoked, it holds only where the revokers name the key."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A revocation, as an argument."""

    by: str
    key: str
    id: str
    admitted: frozenset[str]
    revoked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is in by a chain of grants, revoked or not, and which grants hold."""

    keys: frozenset[str]
    captains: frozenset[str]
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the documents come to."""

    before: Reach
    """Who would be in if nobody had ever been revoked."""
    after: Reach
    """Who still is in by a chain that no revocation cuts; those revoked are to be taken out."""
    accepted: frozenset[str]
    """Ids of the revocations that count."""
    disputed: frozenset[str]
    """Ids of those on which only a person can decide; their targets are out meanwhile."""


def judge(grants: Sequence[Grant], claims: Iterable[Claim], me: str, settled: Container[str] = ()) -> Judgement:
    """Which revocations count, and who is in.

    Beyond dispute are those that `me` signed, whose person has decided, and those with ids in `settled`.
    """
    claims = list(claims)
    chains = _Chains(grants, claims)
    before = chains.follow([], frozenset())
    # A signer that would not even be a captain without any revocation has nothing to say.
    valid = [claim for claim in claims if claim.by in before.captains]
    axioms = [claim for claim in valid if claim.by == me or claim.id in settled]
    sure = {claim.id for claim in axioms}

    def undefeated(standing: Iterable[Claim]) -> list[Claim]:
        believed = [*axioms, *(claim for claim in standing if claim.id not in sure)]
        captains = chains.captains(believed, before.keys)
        named = _named_by_all((claim.key, claim.revoked) for claim in believed)
        return [
            claim
            for claim in valid
            if claim.id in sure
            or (claim.by in captains and (claim.by not in named or claim.key in named[claim.by]))
        ]

    accepted: list[Claim] = []
    possible = undefeated(accepted)
    for _ in range(ROUNDS):
        certain = undefeated(possible)
        if certain == accepted:
            break
        accepted, possible = certain, undefeated(certain)
    counting = frozenset(claim.id for claim in accepted)
    return Judgement(
        before,
        chains.follow(possible, before.keys),
        counting,
        frozenset(claim.id for claim in possible) - counting,
    )


def reach(grants: Sequence[Grant]) -> Reach:
    """Who would be in if nobody had ever been revoked."""
    return _Chains(grants, ()).follow([], frozenset())


class _Chains:
    def __init__(self, grants: Sequence[Grant], claims: Iterable[Claim]) -> None:
        self._grants = grants
        # Who puts its own admitter out does not saw off the branch on which it sits.
        self._kept = {claim.id: claim.admitted | {claim.by} for claim in claims}
        self._by: dict[str, list[Grant]] = {}
        self._roots = [grant for grant in grants if not grant.by or grant.told]
        for grant in grants:
            self._by.setdefault(grant.by, []).append(grant)

    def follow(self, revocations: Sequence[Claim], known: frozenset[str]) -> Reach:
        """Who is in when these revocations count; `known` are those that are in without any."""
        keys, captains, holds = self._reach(revocations, known)
        return Reach(frozenset(keys), frozenset(captains), tuple(filter(holds, self._grants)))

    def captains(self, revocations: Sequence[Claim], known: frozenset[str]) -> set[str]:
        """Of `follow`, these alone."""
        return self._reach(revocations, known)[1]

    def _reach(
        self, revocations: Sequence[Claim], known: frozenset[str]
    ) -> tuple[set[str], set[str], Callable[[Grant], bool]]:
        kept = _named_by_all((claim.key, self._kept[claim.id]) for claim in revocations)
        keys: set[str] = set()
        captains: set[str] = set()

        def holds(grant: Grant) -> bool:
            by = grant.by
            if by in kept and grant.key not in kept[by]:
                return False
            for key in grant.told_by:
                if key in kept and grant.key not in kept[key]:
                    return False
            if grant.told:
                return by not in known or by in keys
            return not by or by in captains

        todo = [self._roots]
        while todo:
            for grant in todo.pop():
                key = grant.key
                is_news = key not in keys or (grant.captain and key not in captains)
                if is_news and holds(grant):
                    keys.add(key)
                    if grant.captain:
                        captains.add(key)
                    if key in self._by:
                        todo.append(self._by[key])
        return keys, captains, holds


def _named_by_all(lists: Iterable[tuple[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """For each key with lists, what all of them name."""
    named: dict[str, frozenset[str]] = {}
    for key, names in lists:
        named[key] = named[key] & names if key in named else names
    return named
