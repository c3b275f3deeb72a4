"""Copies of seeds go with the machine whose words are in them."""

from collections.abc import Iterable
from pathlib import Path

from multifleet.node.counters import Counters
from multifleet.node.offering.copies import Copies
from multifleet.store.store import Store
from tests.node.fleet import Machines


def left(folder: Path) -> Iterable[str]:
    """The texts of the copies that are there."""
    return sorted(path.read_text() for path in folder.glob("fleet-seed-*.md"))


async def test_copies_with_words_of_a_machine_that_is_put_out_are_removed_also_after_a_restart(
    fleet: Machines, tmp_path: Path
) -> None:
    (mac1,) = await fleet.started("mac1")
    store: Store = mac1.node.store
    copies = Copies(store, Counters(), tmp_path)
    await copies.write("api", "of both", ["laptop", "mac2"])
    await copies.write("api", "of mac2", ["mac2"])
    await copies.write("api", "of the laptop", ["laptop"])
    assert left(tmp_path) == ["of both", "of mac2", "of the laptop"]
    await Copies(store, Counters(), tmp_path).remove("laptop")
    assert left(tmp_path) == ["of mac2"]
