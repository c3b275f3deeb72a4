"""Machines whose keys lie in real files, and cards that travel when a test lets them."""

import json
from pathlib import Path

from multifleet.core.card import SignedCard, sign_card
from multifleet.core.key_text import write_keys
from multifleet.node.keystore import identity_file, load_identity, write_private
from multifleet.store.rows import PeerRow
from tests.node.fleet import Machine, Machines
from tests.node.served import Daemon


def keep_keys(machine: Machine) -> None:
    """Put the machine's keys where its node looks for them."""
    record = {"node": machine.name, "in": "file", "pair": write_keys(machine.identity)}
    write_private(identity_file(machine.home), json.dumps(record).encode())


async def rotating(fleet: Machines, *names: str) -> list[Machine]:
    """Machines with running nodes and keys in files."""
    machines = fleet.add(*names)
    for machine in machines:
        keep_keys(machine)
    for machine in machines:
        await machine.start()
    return machines


def card_of(machine: Machine | Daemon) -> SignedCard:
    """The card that its node would hand out now."""
    return sign_card(machine.node.members.identity, [], int(machine.node.clock.now() * 1000), "")


async def tell(card: SignedCard, machine: Machine | Daemon, to: Machine | Daemon) -> None:
    """Bring a machine's card to another one."""
    known = to.node.members.need(machine.name).row
    fields = json.loads(card.card)
    row = PeerRow(
        node=machine.name,
        ed25519=known.ed25519,
        x25519=bytes.fromhex(fields["x25519"]),
        card=card.card.encode(),
        signature=bytes.fromhex(card.signature),
        addresses=known.addresses,
        added_at=known.added_at,
        via=known.via,
    )
    await to.node.store.peers.add(row)
    to.node.members.admit(row)


async def start_again(machine: Machine) -> None:
    """Start a stopped node as its home has it now: with the keys in the file, the members in the store."""
    machine.identity = load_identity(machine.home, {})
    machine.pinned = []
    await machine.start()


def refused(machine: Machine) -> dict[str, int]:
    """How often its node refused a frame, by reason."""
    return {name: count for name, count in machine.node.counters.snapshot().items() if "refused" in name}


def texts(folder: Path) -> str:
    """All that lies in a folder, as hex."""
    return "".join(path.read_bytes().hex() for path in folder.rglob("*") if path.is_file())
