"""What `multifleet status` costs in a large fleet, from start to exit, beside a Python that does nothing."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.nodes import Daemon, environment, launcher, make_node
from benchmarks.processes import Program, alternate, per_round_ratio
from benchmarks.table import Row, median_ms
from multifleet.core.card import sign_card
from multifleet.core.keys import Identity
from multifleet.node.node import Node
from multifleet.node.setup import open_setup
from multifleet.store.rows import PeerRow

MEMBERS = 300
NOWHERE = "127.0.0.1:9"
_FORMS = {"status": [], "status --line": ["--line"]}


def measure(folder: Path, rounds: int, members: int = MEMBERS) -> list[Row]:
    """A daemon whose store has this many members; none of them is there."""
    home = folder / "mac1"
    make_node(home, home.name)
    asyncio.run(_fill(home, members))
    words, python = launcher()
    programs = [Program(name, [*words, "status", *options], environment(home)) for name, options in _FORMS.items()]
    with ExitStack() as stack:
        stack.enter_context(Daemon(home))
        times = alternate([*programs, Program("nothing", [python, "-c", "pass"])], rounds)
    rows = []
    for name in _FORMS:
        ratio = per_round_ratio(times[name], times["nothing"])
        measured = f"{median_ms(times[name])}, {median_ms(times['nothing'])}; {ratio:.1f} times that"
        figure = median(times[name])
        rows.append(Row(f"`{name}`, {members} members, beside `python3 -c pass`, ms", measured, figure, at_most=200))
    return rows


async def _fill(home: Path, members: int) -> None:
    node = await Node.open(open_setup(home))
    for number in range(members):
        seed = number.to_bytes(32)
        identity = Identity(f"node-{number:03d}", seed, seed)
        await node.membership.admit(_row(identity))
    await node.aclose()


def _row(identity: Identity) -> PeerRow:
    signed = sign_card(identity, [NOWHERE], 1, "1.0")
    return PeerRow(
        node=identity.node,
        ed25519=identity.public,
        x25519=identity.exchange_public,
        card=signed.card.encode(),
        signature=bytes.fromhex(signed.signature),
        addresses=(NOWHERE,),
        added_at=1.0,
        via="join",
    )
