"""What is needed late is loaded beside the event loop, which gets the interpreter often meanwhile."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from multifleet.loading import is_loaded, load

SAYS_WHERE = """
import sys, threading
from multifleet.loading import is_loaded
thread, interval, was_loaded = threading.get_ident(), sys.getswitchinterval(), is_loaded(__name__)
"""


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "needed_late.py").write_text(SAYS_WHERE)
    (tmp_path / "faulty_late.py").write_text("raise OSError('no room')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "needed_late", raising=False)
    return "needed_late"


async def test_it_is_loaded_in_a_thread_with_short_turns(late: str) -> None:
    usual = sys.getswitchinterval()
    await load(late)
    made = sys.modules[late]
    assert made.thread != threading.get_ident()
    assert made.interval < usual == sys.getswitchinterval()


async def test_it_counts_as_loaded_once_it_is_whole(late: str) -> None:
    assert not is_loaded(late)
    await asyncio.gather(load(late), load(late))
    assert is_loaded(late) and not sys.modules[late].was_loaded
    before = sys.modules[late]
    await load(late)
    assert sys.modules[late] is before


async def test_what_cannot_be_loaded_is_told_and_the_turns_are_as_before(late: str) -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(OSError, match="no room"):
        await load("faulty_late")
    assert sys.getswitchinterval() == usual
