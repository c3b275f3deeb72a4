"""What the command line does on a home without a daemon: the same parts, opened for one act, under the lock.

The engine of a node takes a quarter of a second to load: only what opens a node loads it, making one does not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from multifleet.core.documents import Role
from multifleet.core.drop import parked_name
from multifleet.core.invite import BadCode, read_code
from multifleet.errors import AlreadyRunning, InviteWrong, KeyUnavailable, PeerUnreachable
from multifleet.node.keys.keystore import identity_file, kept_in, node_of
from multifleet.node.log_file import logged
from multifleet.node.setup import Setup, init, make_home, open_setup
from multifleet.operations.views import (
    AnswerView,
    DoctorView,
    InitView,
    InviteView,
    JoinedView,
    LeftView,
    RevokedView,
    SettledView,
)
from multifleet.private_files import write_private
from multifleet.store.lock import HomeLock

if TYPE_CHECKING:
    from multifleet.node.node import Node

T = TypeVar("T")

COMMANDS_SECONDS = 10.0
"""For which a user's command waits for others that write to its home: frames come by SSH while no daemon runs."""
FRAME_SECONDS = 2.0
"""The same for a frame, which is parked then."""

PARKED = 202
"""The frame lies in drop/ until a daemon takes it up."""


def offline_init(home: Path, node: str | None) -> InitView:
    """Make a node in this home, or find it made."""
    setup, created = init(home, node)
    return _init_view(setup, created)


def offline_invite(home: Path, at: list[str], role: Role) -> InviteView:
    """Make an invitation that the daemon will answer once it is up."""

    async def act(node: Node) -> InviteView:
        return msgspec.structs.replace(await node.invite(at, role), running=False)

    return _with_node(home, act)


def offline_join(home: Path, code: str, at: list[str]) -> JoinedView:
    """Join a fleet; the daemon need not run here for it, and a machine that is no node yet is made one."""
    if node_of(home) is None:
        try:
            read_code(code)
        except BadCode as error:
            raise InviteWrong(str(error)) from None
        made, _ = init(home, None)
        try:
            return _join(home, code, at)
        except PeerUnreachable as error:
            named = f"(this home is node {made.identity.node} now; another name needs another MULTIFLEET_HOME)"
            raise PeerUnreachable(f"{error} {named}") from None
    return _join(home, code, at)


def _join(home: Path, code: str, at: list[str]) -> JoinedView:
    return msgspec.structs.replace(_with_node(home, lambda node: node.join(code, at)), running=False)


def offline_revoke(home: Path, node: str, reason: str, with_admitted: bool, bring_others_back: bool) -> RevokedView:
    """Put a machine out; whoever is not told now hears it once a daemon runs here."""
    return _with_node(home, lambda here: here.revoke(node, reason, with_admitted, bring_others_back))


def offline_settle(home: Path, node: str, undo: bool) -> SettledView:
    """Hold with one side of a dispute."""
    return _with_node(home, lambda here: here.settle(node, undo))


def offline_leave(home: Path) -> LeftView:
    """Leave the fleet."""
    return _with_node(home, lambda node: node.leave())


def offline_receive(home: Path, frame: bytes, by: str = "local") -> AnswerView:
    """Store a frame where no daemon answers; where that cannot be done, lay it into drop/ for later."""
    try:
        return _with_node(home, lambda node: node.receive_frame(frame, by), FRAME_SECONDS)
    except (AlreadyRunning, KeyUnavailable) as reason:
        if not identity_file(home).exists():
            raise  # nobody would ever look for it here
        park(home, frame, by)
        return AnswerView(PARKED, f"parked: {reason}\n".encode())


def offline_doctor(home: Path, checks: list[str]) -> DoctorView:
    """Ask the questions that need no daemon."""
    from multifleet.node.doctor import examine_offline

    return examine_offline(home, checks)


def park(home: Path, frame: bytes, by: str = "local") -> Path:
    """Lay a frame into drop/, on disk when this returns; the same bytes twice are one file."""
    make_home(home)
    path = home / "drop" / parked_name(hashlib.sha256(frame).hexdigest(), "ssh" if by == "ssh" else "")
    write_private(path, frame)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path


def _with_node(home: Path, act: Callable[[Node], Awaitable[T]], wait: float = COMMANDS_SECONDS) -> T:
    import asyncio

    os.umask(0o077)
    setup = open_setup(home)
    lock = HomeLock.acquire(home, wait=wait)
    try:
        with logged(home):
            return asyncio.run(_act(setup, act))
    finally:
        lock.release()


async def _act(setup: Setup, act: Callable[[Node], Awaitable[T]]) -> T:
    from contextlib import AsyncExitStack

    from multifleet.node.node import Node

    async with AsyncExitStack() as stack:
        node = await Node.open(setup)
        stack.push_async_callback(node.aclose)
        for channel in node.channels:
            if channel.name == "http":  # whoever is asked now is asked straight
                await channel.start(stack, node.here)
        return await act(node)


def _init_view(setup: Setup, created: bool) -> InitView:
    return InitView(
        node=setup.identity.node,
        fleet=setup.fleet.fleet,
        home=str(setup.home),
        keys=kept_in(setup.home),
        key=setup.identity.public.hex()[:16],
        created=created,
    )
