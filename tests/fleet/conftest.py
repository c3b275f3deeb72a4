"""A fleet for each file of tests, and the invariants after every test."""

from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet


@pytest.fixture(scope="module")
def shared_fleet() -> Iterator[Fleet]:
    with Fleet() as fleet:
        yield fleet.found()


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """Two joined nodes, up before and after the test; the invariants hold after it."""
    yield shared_fleet
    for node in shared_fleet.nodes:
        if not node.running:
            node.up()
    shared_fleet.wait_drained()
    shared_fleet.check()
