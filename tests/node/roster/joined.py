"""Daemons that have let each other in, for tests of who is in and who is out."""

from tests.node.fleet import until
from tests.node.served import Daemon, Daemons


async def joined(daemons: Daemons, *names: str, role: str = "captain") -> list[Daemon]:
    """Daemons of which the first has let in all others."""
    found = await daemons.up(*names)
    for daemon in found[1:]:
        await let_in(found[0], daemon, role)
    await settled(found)
    return found


async def let_in(inviter: Daemon, joiner: Daemon, role: str = "captain") -> None:
    """By a code."""
    made = await inviter.node.invite([inviter.address], role)  # type: ignore[arg-type]
    await joiner.node.join(made.code, [])


async def settled(daemons: list[Daemon]) -> None:
    """Until all know the same, and each knows all."""
    names = {daemon.name for daemon in daemons}
    await until(lambda: all(known_to(daemon) >= names for daemon in daemons))
    await until(lambda: len({daemon.node.rostering.digest() for daemon in daemons}) == 1)


def known_to(daemon: Daemon) -> set[str]:
    """Names of the members whose keys it has, its own among them."""
    return {member.node for member in daemon.node.members}


async def revoke(daemon: Daemon, node: str, reason: str = "", **how: bool) -> object:
    """As the operation does it."""
    return await daemon.node.revoke(node, reason, how.get("with_admitted", False), how.get("bring_others_back", False))


async def invited(daemon: Daemon) -> str:
    """A fresh code."""
    return (await daemon.node.invite([daemon.address])).code
