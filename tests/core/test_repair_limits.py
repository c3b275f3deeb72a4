"""A target repairs little, however many ask it to."""

from multifleet.core.ladder import ESCALATIONS, Ladders, Level
from multifleet.core.repair_limits import ACTS, OF_ONE, SETTLES, RepairLimits


def two_broken() -> Ladders:
    ladders = Ladders()
    for channel in ("http", "nats"):
        ladders.begin("target", channel, "no answer", 0.0)
    return ladders


def test_the_target_makes_few_repairs_however_many_ask() -> None:
    limits = RepairLimits()
    asked = made = 0
    ladders = {f"n{number}": two_broken() for number in range(30)}
    for second in range(0, 7_200, 5):
        for node, mine in ladders.items():
            for step in mine.next(second, lambda peer: True):
                asked += step.level in (Level.GUIDE, Level.ASSIST)
                for channel in step.channels:
                    if limits.lately(channel, second) is None and not limits.take(node, channel, second):
                        made += 1
                        limits.made(channel, ("done",), second)
                mine.done(step, "asked", second, taken_up=True)
    assert asked <= 30 * 2 * ESCALATIONS
    assert made <= 2 * ACTS


def test_one_peer_has_a_share_of_the_repairs_and_a_repair_settles_first() -> None:
    limits = RepairLimits()
    assert not limits.take("mac2", "http", 0.0)
    limits.made("http", ("bound again",), 1.0)
    assert limits.lately("http", SETTLES) == ("bound again",) and limits.lately("http", SETTLES + 1.0) is None
    assert [bool(limits.take("mac2", "http", 100.0 * n)) for n in range(1, OF_ONE + 1)] == [False, False, True]
    assert not limits.take("mac3", "http", 500.0)
    assert not limits.take("mac2", "http", 4_000.0)  # the hour is over
