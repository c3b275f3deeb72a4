"""What is told to a session that wants to know when a remote seat is idle."""

import pytest

from multifleet.core.native_idle import ASK_LAST, At, Verdict, next_question, verdict

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("sessions", "was_there", "expected"),
    [
        (None, False, Verdict("unavailable")),  # its machine does not answer
        (None, True, Verdict("unavailable")),
        ([], False, Verdict("unavailable")),  # nobody sits there: nothing to wait for
        ([], True, Verdict("exited")),
        ([At("busy", 3.0)], False, None),
        ([At("waiting", None), At("unknown", None)], True, None),
        ([At("idle", 40.0)], False, Verdict("idle", NOW - 40)),
        ([At("busy", 1.0), At("idle", 50.0), At("idle", 7.0)], True, Verdict("idle", NOW - 7)),
        ([At("idle", None)], True, Verdict("idle", None)),
    ],
)
def test_only_what_its_machine_says_is_told(
    sessions: list[At] | None, was_there: bool, expected: Verdict | None
) -> None:
    assert verdict(sessions, was_there=was_there, now=NOW) == expected


def test_questions_come_ever_less_often() -> None:
    waits = [next_question(asked) for asked in range(40)]
    assert waits == sorted(waits) and waits[0] == 2.0 and waits[-1] == ASK_LAST
