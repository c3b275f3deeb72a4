"""What a machine is told that may have been put out while it was away."""

import pytest

from multifleet.channels.http import _UNSIGNED
from multifleet.node.roster.words import maybe_out_words, who_refuses
from tests.node.fleet import SOON, until
from tests.node.served import Daemons

REFUSED = f"192.0.2.7:8855: {_UNSIGNED[401]}"


@pytest.mark.parametrize(
    ("reasons", "others", "told"),
    [
        ({}, 3, False),
        ({"mac2": None, "mac3": "no answer in 2 s"}, 3, False),
        ({"mac2": REFUSED}, 3, False),
        ({"mac2": REFUSED}, 1, True),
        ({"mac2": REFUSED, "mac3": None, "mac4": f"192.0.2.9:1: refused; {REFUSED}"}, 3, True),
    ],
)
def test_several_or_all_that_refuse_are_a_sign(reasons: dict[str, str | None], others: int, told: bool) -> None:
    words = maybe_out_words(who_refuses(reasons), others)
    assert (words is not None) is told
    if words:
        assert words.startswith("mac2") and "may have been revoked" in words and "new keys" in words


def test_of_many_three_are_named() -> None:
    assert (maybe_out_words(["a", "b", "c", "d", "e"], 9) or "").startswith("a, b, c and 2 more answered")


async def test_a_machine_that_was_revoked_while_it_was_away_says_so(daemons: Daemons) -> None:
    mac1, mac2, away = await daemons.up("mac1", "mac2", "away")
    for other in (mac2, away):
        await other.node.join((await mac1.node.invite([mac1.address])).code, [])
    await until(lambda: len(list(mac2.node.members.others())) == 2, SOON)
    await until(lambda: len(list(away.node.members.others())) == 2, SOON)
    await away.down()
    await mac1.node.revoke("away", "lost", False, False)
    await until(lambda: mac2.node.members.get("away") is None, SOON)
    await away.up()
    for name in ("mac1", "mac2"):
        away.node.outboxes.of(name).probe()
    await until(lambda: len(who_refuses(away.node.outboxes.last_reasons())) == 2, SOON)
    status = await away.node.status()
    assert any("may have been revoked" in problem for problem in status.problems)
    [check] = (await away.node.doctor(["peers"])).checks
    assert check.level == "fail" and "may have been revoked" in check.says
