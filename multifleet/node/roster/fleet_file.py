"""Which fleet this node is in, whom it believes in, and the fleet's documents: a file beside the store, so that losing
one of the two loses no member and forgets no revocation."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from multifleet.core.documents import Signed
from multifleet.core.roster import Anchor
from multifleet.errors import ConfigError
from multifleet.private_files import write_private
from multifleet.store.rows import PeerRow


class Pinned(msgspec.Struct, frozen=True):
    """A member as it was let in."""

    node: str
    ed25519: str
    x25519: str
    card: str
    signature: str
    addresses: list[str]
    added_at: float
    via: str


class Fleet(msgspec.Struct, frozen=True):
    """The fleet and its members; `anchors` are by key, and None in a file from before there were any."""

    fleet: str
    members: list[Pinned] = []
    anchors: dict[str, Anchor] | None = None
    documents: list[Signed] = []
    settled: list[str] = []
    """Ids of revocations that count here though they are disputed: its user has decided so."""
    left: str = ""
    """The fleet that this node left last, as long as it has not come back to it."""


def fleet_file(home: Path) -> Path:
    """Where it lies."""
    return home / "fleet.json"


def read_fleet(home: Path) -> Fleet | None:
    """What the file says; None where there is none."""
    path = fleet_file(home)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Fleet)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be used ({error}): restore it from a backup, or remove it and join again"
        ) from None


def write_fleet(
    home: Path,
    fleet: str,
    rows: Sequence[PeerRow] = (),
    anchors: Mapping[str, Anchor] | None = None,
    documents: Sequence[Signed] = (),
    *,
    settled: Iterable[str] = (),
    left: str = "",
) -> None:
    """Replace the file; blocks for the disk."""
    write_text(home, fleet_text(fleet, rows, anchors, documents, settled=settled, left=left))


def fleet_text(
    fleet: str,
    rows: Sequence[PeerRow] = (),
    anchors: Mapping[str, Anchor] | None = None,
    documents: Sequence[Signed] = (),
    *,
    settled: Iterable[str] = (),
    left: str = "",
) -> bytes:
    """What stands in the file."""
    known = None if anchors is None else dict(anchors)
    content = Fleet(fleet, [_pinned(row) for row in rows], known, list(documents), sorted(settled), left)
    return msgspec.json.encode(content)


def write_text(home: Path, text: bytes) -> None:
    """Replace the file by this; blocks for the disk."""
    write_private(fleet_file(home), text)


def as_row(pinned: Pinned) -> PeerRow:
    """The row that the store keeps of a member."""
    return PeerRow(
        node=pinned.node,
        ed25519=bytes.fromhex(pinned.ed25519),
        x25519=bytes.fromhex(pinned.x25519),
        card=pinned.card.encode(),
        signature=base64.b64decode(pinned.signature),
        addresses=tuple(pinned.addresses),
        added_at=pinned.added_at,
        via=pinned.via,
    )


def _pinned(row: PeerRow) -> Pinned:
    return Pinned(
        node=row.node,
        ed25519=row.ed25519.hex(),
        x25519=row.x25519.hex(),
        card=row.card.decode(),
        signature=base64.b64encode(row.signature).decode(),
        addresses=list(row.addresses),
        added_at=row.added_at,
        via=row.via,
    )
