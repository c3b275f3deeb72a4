"""Machines whose keys lie in real files, and cards that travel when a test lets them."""

import json
from pathlib import Path
from unittest.mock import AsyncMock

from msgspec import structs

from multifleet.core.card import SignedCard, sign_card
from multifleet.core.documents import Signed
from multifleet.core.key_text import write_keys
from multifleet.node.keys.keystore import identity_file, load_identity
from multifleet.private_files import write_private
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
        machine.config = structs.replace(machine.config, keyRenewalDays=0.0)
        await machine.start()
        hold_cards(machine)
    return machines


def hold_cards(machine: Machine | Daemon) -> None:
    """Let nobody hear of a new key but by `tell`."""
    machine.node.rotation._publish = AsyncMock()


def card_of(machine: Machine | Daemon) -> SignedCard:
    """The card that its node would hand out now."""
    return sign_card(machine.node.members.identity, [], int(machine.node.clock.now() * 1000), "")


async def tell(card: SignedCard, to: Machine | Daemon) -> None:
    """Bring a card to a machine, as the roster would."""
    await to.node.rostering.take([Signed(card.card, card.signature)])


async def start_again(machine: Machine) -> None:
    """Start a stopped node as its home has it now: with the keys in the file, the members in the store."""
    machine.identity = load_identity(machine.home, {})
    machine.pinned = []
    await machine.start()
    hold_cards(machine)


def refused(machine: Machine) -> dict[str, int]:
    """How often its node refused a frame, by reason."""
    return {name: count for name, count in machine.node.counters.snapshot().items() if "refused" in name}


def texts(folder: Path) -> str:
    """All that lies in a folder, as hex."""
    return "".join(path.read_bytes().hex() for path in folder.rglob("*") if path.is_file())
