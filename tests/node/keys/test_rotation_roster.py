"""A renewed key reaches the members by the roster: nobody has to be told by hand."""

import asyncio
from functools import partial

from tests.node.fleet import until
from tests.node.keys.test_rotation_http import refusals, switched
from tests.node.served import Daemon, Daemons


async def joined(daemons: Daemons, *names: str) -> list[Daemon]:
    """Daemons in one fleet, each let in by the first."""
    first, *others = await daemons.up(*names)
    for daemon in others:
        await daemon.node.join((await first.node.invite([first.address])).code, [])
    everybody = [first, *others]
    for daemon in everybody:
        await until(partial(knows, daemon, len(names) - 1))
    await asyncio.gather(*(one.delivers(other.name) for one in everybody for other in everybody if one is not other))
    return everybody


def knows(daemon: Daemon, count: int) -> bool:
    """Whether a node knows so many others."""
    return len(list(daemon.node.members.others())) == count


async def test_every_member_learns_a_renewed_key_and_uses_it(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    before = [refusals(daemon) for daemon in (mac1, mac2, mac3)]
    await mac2.node.rotate_keys(False)
    await asyncio.gather(mac1.delivers("mac2"), mac2.delivers("mac3"), mac3.delivers("mac1"))
    await until(partial(switched, mac2))
    for daemon in (mac1, mac3):
        key = daemon.node.members.need("mac2").row.x25519
        assert key == mac2.node.members.identity.exchange_public
    await asyncio.gather(mac1.delivers("mac2"), mac2.delivers("mac3"))
    assert [refusals(daemon) for daemon in (mac1, mac2, mac3)] == before


async def test_all_members_renew_at_once_while_they_talk(daemons: Daemons) -> None:
    everybody = await joined(daemons, "mac1", "mac2", "mac3")
    before = [refusals(daemon) for daemon in everybody]

    async def talk(daemon: Daemon, other: Daemon) -> None:
        for number in range(20):
            await daemon.delivers(other.name, f"{number}")

    talking = [talk(one, other) for one in everybody for other in everybody if one is not other]
    renewing = [daemon.node.rotate_keys(False) for daemon in everybody for _ in range(2)]
    await asyncio.gather(*talking, *renewing)
    for daemon in everybody:
        await until(partial(switched, daemon))
        assert len(daemon.node.members.identity.older) == 2
    assert [refusals(daemon) for daemon in everybody] == before
