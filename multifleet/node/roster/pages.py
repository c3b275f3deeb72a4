"""Documents in portions that fit into frames, and which of them two rosters have to show each other."""

from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256

from multifleet.core.documents import Signed
from multifleet.core.packets import DOCUMENTS_BYTES, DOCUMENTS_LIMIT


def id_of(signed: Signed) -> str:
    """The id of a document, by which a roster orders them."""
    return sha256(signed.signature.encode() + signed.text.encode()).hexdigest()[:32]


def page(documents: Iterable[Signed], after: str = "") -> tuple[list[Signed], bool]:
    """The first of the documents (in the order of their ids) behind `after`, as many as one frame takes, and whether
    there are more."""
    taken: list[Signed] = []
    room = DOCUMENTS_BYTES
    for signed in documents:
        if after and id_of(signed) <= after:
            continue
        room -= len(signed.text.encode()) + len(signed.signature)
        if taken and (room < 0 or len(taken) >= DOCUMENTS_LIMIT):
            return taken, True
        taken.append(signed)
    return taken, False


def differing(mine: Sequence[str], theirs: Sequence[str]) -> list[int]:
    """The parts of two rosters whose digests are not equal; all of them where one side's cannot be compared."""
    if len(theirs) != len(mine):
        return list(range(len(mine)))
    return [number for number, (one, other) in enumerate(zip(mine, theirs, strict=True)) if one != other]


def without(documents: Iterable[Signed], known: Collection[Signed]) -> list[Signed]:
    """Those that the other side has not shown."""
    return [signed for signed in documents if signed not in known]
