"""kill -9 in the middle of load: whatever a caller was told is there, and nothing is there twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from multifleet.store.store import Store
from tests.store.conftest import NOW

LINES_BEFORE_KILL = [1, 40, 200, 900]


def load_and_kill(home: Path, run: str, lines: int) -> list[list[str]]:
    """Runs the load, kills it after so many lines, returns everything it managed to say."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.loading", str(home), run], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest, _ = process.communicate()
    assert process.returncode == -9
    whole = "".join(said) + rest
    return [line.split() for line in whole[: whole.rfind("\n")].split("\n")]


@pytest.mark.parametrize("lines", LINES_BEFORE_KILL)
async def test_nothing_that_was_acknowledged_is_lost_by_kill_9(tmp_path: Path, lines: int) -> None:
    said: list[list[str]] = []
    for run in ("first", "second"):
        said += load_and_kill(tmp_path, run, lines)
    store = Store.open(tmp_path, NOW)
    assert store.set_aside is None
    outbox = [row.id for row in await store.outbox.listing(1_000_000)]
    inbox = [(row.sender, row.id) for row in await store.inbox.listing(1_000_000)]
    assert len(set(outbox)) == len(outbox)
    assert len(set(inbox)) == len(inbox)
    assert {words[1] for words in said if words[0] == "added"} <= set(outbox)
    stored = [words for words in said if words[0] == "stored"]
    assert {words[1] for words in stored} <= {id_ for _, id_ in inbox}
    for _, id_, seq, have in stored:
        peer = id_.rsplit("-", 1)[0]
        assert store.receipts.durable_have(peer) >= int(have)
        assert any(row.message_id == id_ and row.seq == int(seq) for row in await store.inbox.log_after(peer, 0, 9_999))
    await store.aclose()
