"""A lab for the tests of the lab itself: one for each file, put in order between tests."""

from collections.abc import Iterator

import pytest

from tests.lab.lab import Lab


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Lab]:
    with Lab({"h1": 0, "h2": 0, "h3": 0, "far": 1}) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    yield shared_lab
    for host in shared_lab.hosts:
        host.wake()
        host.crash()
