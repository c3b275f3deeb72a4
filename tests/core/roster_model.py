"""What a roster should come to, written a second time: slowly, and straight from the rules."""

from collections.abc import Iterable

from multifleet.core.documents import Admission, Document, Leave, Revocation


class Model:
    """The rules, applied to all documents anew for each question. Roots are keys that are believed in as captains."""

    def __init__(self, roots: Iterable[str], documents: Iterable[Document], me: str) -> None:
        self.roots = set(roots)
        bodies = [document.body for document in documents]
        self.admissions = [body for body in bodies if isinstance(body, Admission)]
        self.leaves = {body.key: body.at for body in bodies if isinstance(body, Leave)}
        revocations = [body for body in bodies if isinstance(body, Revocation)]
        self.valid = [each for each in revocations if each.by in self.captains([])]
        self.label(me)

    def good(self, standing: list[Revocation]) -> list[Admission]:
        """The admissions that hold when these revocations stand."""
        found: list[Admission] = []
        while True:
            captains = self.roots | {each.key for each in found if each.role == "captain"}
            more = [
                each
                for each in self.admissions
                if each.by in captains
                and all(each.key in [*other.admitted, other.by] for other in standing if other.key == each.by)
            ]
            if len(more) == len(found):
                return found
            found = more

    def captains(self, standing: list[Revocation]) -> set[str]:
        """Who may speak when these revocations stand."""
        return self.roots | {each.key for each in self.good(standing) if each.role == "captain"}

    def holds(self, revocation: Revocation, standing: list[Revocation]) -> bool:
        """Whether a revocation counts when these stand."""
        attacked = any(other.key == revocation.by and revocation.key not in other.revoked for other in standing)
        return not attacked and revocation.by in self.captains(standing)

    def label(self, me: str) -> None:
        """Accept what holds whatever else may stand; drop what does not hold given what is accepted; and again."""
        self.accepted = [each for each in self.valid if each.by == me]
        open_ = [each for each in self.valid if each.by != me]
        while True:
            possible = [*self.accepted, *open_]
            sure = [each for each in open_ if self.holds(each, possible)]
            void = [each for each in open_ if not self.holds(each, self.accepted)]
            if not sure and not void:
                break
            self.accepted += sure
            open_ = [each for each in open_ if each not in sure and each not in void]
        self.disputed = open_
        self.standing = [*self.accepted, *open_]

    def since(self) -> dict[str, int]:
        """Since when each member is one: whoever was let in is so no longer than whoever let it in was a captain."""
        good = self.good(self.standing)
        captains = dict.fromkeys(self.roots, 0)
        for _ in good:
            for each in good:
                if each.role == "captain" and each.by in captains:
                    at = max(each.at, captains[each.by])
                    captains[each.key] = min(at, captains.get(each.key, at))
        given = [(each.key, max(each.at, captains[each.by])) for each in good]
        found = dict.fromkeys(self.roots, 0)
        for key, at in given:
            found[key] = min(at, found.get(key, at))
        return found

    def out(self) -> dict[str, str]:
        """How each key that is out is out, names left aside."""
        before, after = self.good([]), self.good(self.standing)
        gone = {each.key: "disputed" for each in self.disputed}
        gone |= {each.key: "revoked" for each in self.accepted}
        there = self.roots | {each.key for each in after}
        for each in before:
            if each.key not in there:
                gone.setdefault(each.key, "orphaned")
        for key, at in self.leaves.items():
            if key in there and at >= max([0, *(each.at for each in after if each.key == key)]):
                gone.setdefault(key, "left")
        return gone

    def members(self) -> set[str]:
        """The keys of the members, names left aside."""
        return (self.roots | {each.key for each in self.good(self.standing)}) - set(self.out())
