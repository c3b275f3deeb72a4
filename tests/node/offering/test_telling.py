"""What is told only once is told to a session that takes no connection at a moment, too."""

import pytest

from multifleet.node.offering import telling
from multifleet.node.offering.telling import WAITS, tell_surely
from multifleet.sessions.base import OutOfReach, UnknownOutcome, Unreachable


class Session:
    """One whose inbox is written to, and fails so."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.writes = 0

    async def write(self) -> None:
        self.writes += 1
        if self.failures:
            raise self.failures.pop(0)


@pytest.mark.parametrize(
    "failures, writes, raised",
    [
        ([], 1, None),
        ([OutOfReach("busy")] * 3, 4, None),
        ([OutOfReach("busy"), UnknownOutcome("it may have been read")], 2, UnknownOutcome),
        ([Unreachable("the session has ended")], 1, Unreachable),
        ([OutOfReach("hung")] * 99, len(WAITS) + 1, OutOfReach),
    ],
    ids=["it takes it", "it is busy", "nobody knows", "it is over", "it hangs"],
)
async def test_it_is_written_again_only_where_nothing_was_and_the_session_is_there(
    monkeypatch: pytest.MonkeyPatch, failures: list[Exception], writes: int, raised: type[Exception] | None
) -> None:
    monkeypatch.setattr(telling, "WAITS", [0.0] * len(WAITS))
    session = Session(*failures)
    if raised is None:
        await tell_surely(session.write)
    else:
        with pytest.raises(raised):
            await tell_surely(session.write)
    assert session.writes == writes
