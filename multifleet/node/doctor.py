"""The doctor: asks every check of this node at once and says what to do about each fault.

Each check has its own deadline, so that one which hangs is itself the finding. Nothing here mends anything, and
nothing waits for it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from multifleet import __version__
from multifleet.config import relay_port
from multifleet.errors import BadInput
from multifleet.node.checks import (
    client,
    clock,
    config,
    connecting,
    daemon,
    dependencies,
    disk,
    keys,
    mdns,
    modes,
    peers,
    port,
    settings,
    sleep,
    store,
)
from multifleet.node.checks.clients_here import clients_of, clients_outside, config_folder
from multifleet.node.checks.finding import Finding, as_view, fail, settle
from multifleet.node.checks.patience import aside, begin
from multifleet.node.checks.probing import Answered, probe_peers
from multifleet.node.upkeep import REPLAY_CLOCK
from multifleet.operations.views import DoctorView

if TYPE_CHECKING:
    from multifleet.node.node import Node

CHECKS = (
    "daemon",
    "port",
    "store",
    "config",
    "settings",
    "keys",
    "modes",
    "peers",
    "clock",
    "mdns",
    "sleep",
    "disk",
    "dependencies",
    "hooks",
    "client",
)
"""In the order in which they are shown."""
SECONDS, STORE_SECONDS = 1.5, 1.2
"""Of each check while all are asked."""
ALONE_SECONDS, ALONE_STORE_SECONDS = 45.0, 30.0
"""Of a check that was asked for by its name: it may read all of the store, or try the agent client."""
LAST_SECONDS = 0.3
"""For each check after one that used up the time."""


async def examine(node: "Node", checks: Sequence[str]) -> DoctorView:
    """The named checks, or all, of a running node; done within two seconds unless a single one is named."""
    wanted = _chosen(checks)
    alone = len(wanted) == 1
    async with asyncio.TaskGroup() as group:
        ask = _inside(node, _Probes(node, group), wanted)
        found = await asyncio.gather(*(_in_time(ask[name](), alone=alone) for name in wanted))
    return _view(dict(zip(wanted, found, strict=True)))


def examine_offline(home: Path, checks: Sequence[str]) -> DoctorView:
    """The same where no daemon answers; blocks, for about two seconds at most unless several checks hang."""
    wanted = _chosen(checks)
    alone = len(wanted) == 1
    ask = _outside(home, wanted)
    end = time.monotonic() + (ALONE_SECONDS if alone else SECONDS)
    found = {}
    # One after the other: msgspec crashes when threads use a type for the first time at the same moment.
    for name in wanted:
        try:
            found[name] = begin(ask[name]).result(max(LAST_SECONDS, end - time.monotonic()))
        except TimeoutError:
            found[name] = _late(alone)
    return _view(found)


class _Probes:
    """Asks the peers once, for all checks that need it."""

    def __init__(self, node: "Node", group: asyncio.TaskGroup) -> None:
        self._node = node
        self._group = group
        self._task: asyncio.Task[dict[str, Answered]] | None = None

    async def answers(self) -> dict[str, Answered]:
        """What each peer answered."""
        if self._task is None:
            self._task = self._group.create_task(probe_peers(self._node), name="doctor's probes")
        return await asyncio.shield(self._task)


def _inside(node: "Node", probes: _Probes, wanted: Sequence[str]) -> dict[str, Callable[[], Awaitable[Finding]]]:
    home, alone, config_too = node.home, len(wanted) == 1, "config" in wanted
    up = node.clock.now() - node.started_at

    async def ask_peers() -> Finding:
        answers = await probes.answers()
        return peers.answering(node, answers, await connecting.own_faults(node))

    async def ask_settings() -> Finding:
        return connecting.with_complaints(await aside(lambda: settings.useful(home, config_too)), node)

    async def ask_clock() -> Finding:
        await probes.answers()
        offsets = {member.node: member.learned_offset for member in node.members.others()}
        return clock.agreeing(offsets, node.clock.wall(), node.clock.now())

    async def ask_mdns() -> Finding:
        return mdns.heard(node)

    async def ask_sleep() -> Finding:
        return sleep.announced(node.sleep, node.counters.snapshot())

    async def ask_keys() -> Finding:
        running, days = node.members.identity, node.config.keyRenewalDays
        return await aside(lambda: keys.readable(home, running, node.clock.now(), days))

    async def ask_hooks() -> Finding:
        here = await clients_of(node, test=False)
        return await aside(lambda: client.hooked(node.offering.live.config, here))

    async def ask_client() -> Finding:
        return client.reachable(await clients_of(node, test=alone))

    return {
        "daemon": partial(aside, lambda: daemon.running(home, node.id, __version__, up)),
        "port": partial(port.serving, node.id, node.listens, _side_port_missing(node)),
        "store": partial(store.running, home, node.store.database, ALONE_STORE_SECONDS if alone else STORE_SECONDS),
        "config": partial(aside, lambda: config.usable(home, node.config_state.changed)),
        "settings": ask_settings,
        "keys": ask_keys,
        "modes": partial(aside, lambda: modes.private(home)),
        "peers": ask_peers,
        "clock": ask_clock,
        "mdns": ask_mdns,
        "sleep": ask_sleep,
        "disk": partial(aside, lambda: disk.writable(home)),
        "dependencies": partial(aside, dependencies.present),
        "hooks": ask_hooks,
        "client": ask_client,
    }


def _side_port_missing(node: "Node") -> int:
    """The port for frames alone that this daemon should have and lacks; 0 where there is none."""
    wanted = relay_port(node.config)
    return wanted if wanted not in (node.relaying.port, node.port) else 0


def _outside(home: Path, wanted: Sequence[str]) -> dict[str, Callable[[], Finding]]:
    alone, config_too = len(wanted) == 1, "config" in wanted
    return {
        "daemon": lambda: daemon.from_outside(home),
        "port": lambda: port.from_outside(home),
        "store": lambda: store.from_outside(home, ALONE_STORE_SECONDS if alone else STORE_SECONDS),
        "config": lambda: config.usable(home),
        "settings": lambda: settings.useful(home, config_too),
        "keys": lambda: keys.readable(home, None, time.time()),
        "modes": lambda: modes.private(home),
        "peers": lambda: peers.last_heard(home, time.time()),
        "clock": lambda: clock.since_last_run(home, time.time(), REPLAY_CLOCK),
        "mdns": lambda: mdns.NOT_ASKED,
        "sleep": lambda: sleep.NOT_ASKED,
        "disk": lambda: disk.writable(home),
        "dependencies": dependencies.present,
        "hooks": lambda: client.hooked(config_folder(home), clients_outside(home)),
        "client": lambda: client.reachable(clients_outside(home)),
    }


async def _in_time(asked: Awaitable[Finding], *, alone: bool) -> Finding:
    try:
        async with asyncio.timeout(ALONE_SECONDS if alone else SECONDS):
            return await asked
    except TimeoutError:
        return _late(alone)


def _late(alone: bool) -> Finding:
    seconds = ALONE_SECONDS if alone else SECONDS
    return fail(f"no answer within {seconds:g} s", f"see logs/daemon.log and the system log of pid {os.getpid()}")


def _chosen(checks: Sequence[str]) -> list[str]:
    for name in checks:
        if name not in CHECKS:
            raise BadInput(f"there is no check {name!r}: choose one of {', '.join(CHECKS)}")
    return [name for name in CHECKS if not checks or name in checks]


def _view(found: dict[str, Finding]) -> DoctorView:
    views = [as_view(name, finding) for name, finding in settle(found).items()]
    return DoctorView(ok=all(view.ok for view in views), checks=views)
