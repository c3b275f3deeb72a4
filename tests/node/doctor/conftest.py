"""Nodes with real daemons."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.node.doctor.real_home import RealHome

MakeHome = Callable[[str], RealHome]


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[MakeHome]:
    """Makes homes whose daemons end with the test."""
    made: list[RealHome] = []

    def make(node: str) -> RealHome:
        made.append(RealHome(tmp_path, node))
        return made[-1]

    yield make
    for home in made:
        home.kill()


@pytest.fixture
def home(make_home: MakeHome) -> RealHome:
    """A healthy node without a daemon."""
    return make_home("mac1")
