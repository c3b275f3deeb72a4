"""Since when a key counts as let in: no captain can let anybody in before it was let in itself, whatever it signs.

Dates are what their signers say. So a word dated back is as old as its signer's own place, and no older; that holds
along the whole chain, and whoever lies can at most tie with himself.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from multifleet.core.revocations import Grant


@dataclass(frozen=True, slots=True)
class Seniority:
    """Of the grants that hold."""

    captains: Mapping[str, int]
    """Since when each key is a captain, in milliseconds."""

    def of(self, grant: Grant) -> int:
        """From when on this grant counts, at the earliest."""
        return max(grant.at, self.captains.get(grant.by, 0))


def seniority(grants: Iterable[Grant]) -> Seniority:
    """The earliest moments along chains of these grants: of each chain the latest date counts, of all chains the
    earliest. Grants by nobody that is known here count from their own date."""
    by: dict[str, list[Grant]] = {}
    for grant in grants:
        if grant.captain:
            by.setdefault(grant.by, []).append(grant)
    known = {grant.key for given in by.values() for grant in given}
    waiting = [(grant.at, grant.key) for signer, given in by.items() if signer not in known for grant in given]
    heapq.heapify(waiting)
    captains: dict[str, int] = {}
    while waiting:
        at, key = heapq.heappop(waiting)
        if key not in captains:
            captains[key] = at
            for grant in by.get(key, ()):
                if grant.key not in captains:
                    heapq.heappush(waiting, (max(grant.at, at), grant.key))
    return Seniority(captains)
