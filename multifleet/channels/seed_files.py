"""The files of P4 on the peer's machine: found, written and fetched over SFTP. Loaded only where SSH is used.

What need not wait for an answer is asked for together: the server does one thing after the other, and a round trip
costs more than the work.
"""

import asyncio
import stat
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_READ, FXF_WRITE, SFTPAttrs, SFTPClient

from multifleet.channels.base import ChannelError
from multifleet.channels.ssh_connections import Kept
from multifleet.channels.ssh_facts import DEFAULT_HOME
from multifleet.core.drop import ASIDE, NODE_NAME, OUT_NAME
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.visible import visible

OTHERS_MAY_WRITE = 0o022
NODE_LIMIT = 64
"""Bytes of a node's name that are read."""
PIECE = 32_768
"""Bytes that are written by one request."""


async def find_home(sftp: SFTPClient, kept: Kept, home: str) -> str:
    """The peer's home, once its drop/ is seen to be a folder that nobody but its owner writes to; else ChannelError."""
    if kept.notes.get("home") == home:
        return home
    try:
        found = await sftp.lstat(f"{home}/drop")
    except asyncssh.SFTPNoSuchFile:
        hint = "; its own word on where its home is has not come yet" if home == DEFAULT_HOME else ""
        raise ChannelError(f"{kept.login}: there is no {home}/drop{hint}") from None
    mode = found.permissions or 0
    if not stat.S_ISDIR(mode) or mode & OTHERS_MAY_WRITE:
        raise ChannelError(f"{kept.login}: {home}/drop is no folder of one user alone")
    if home == DEFAULT_HOME:
        await _assert_home_of(sftp, kept, home)
    kept.notes["owner"] = str(found.uid)
    kept.notes["home"] = home
    return home


async def _assert_home_of(sftp: SFTPClient, kept: Kept, home: str) -> None:
    """Whoever has not told where its home is may have another one, and this one may be another node's."""
    try:
        async with await sftp.open(f"{home}/{NODE_NAME}", FXF_READ, encoding=None) as file:
            name: Any = await file.read(NODE_LIMIT)  # a server gives what it likes, whatever it was asked for
    except asyncssh.SFTPNoSuchFile:
        name = b""
    node = name[:NODE_LIMIT].decode(errors="replace").strip()
    if node != kept.node:
        whose = f"is the home of {visible(node, one_line=True)}" if node else "is no node's home"
        raise ChannelError(
            f"{kept.login}: {home} {whose}, and {kept.node}'s own word on where its home is has not come"
        )


async def leave(sftp: SFTPClient, kept: Kept, home: str, name: str, frame: bytes) -> str:
    """Write a frame aside and put it on disk; its path, which `show` makes the true one. ChannelError or SFTPError
    where it does not lie there whole."""
    aside = f"{home}/drop/{ASIDE}{name}"
    flags, attrs = FXF_WRITE | FXF_CREAT | FXF_EXCL, SFTPAttrs(permissions=0o600)
    file = await sftp.open(aside, flags, attrs, encoding=None, block_size=0)  # 0: a write is sent at once
    writes = [file.write(frame[start : start + PIECE], start) for start in range(0, len(frame), PIECE)]
    try:
        *_, found, _ = await _together(*writes, file.fsync(), file.stat(), file.close())
        if found.size != len(frame):
            raise ChannelError(f"{kept.login}: the file was cut off")
        if str(found.uid) != kept.notes["owner"]:
            raise ChannelError(f"{kept.login} is another user than the one whose home {home} is")
    except (asyncssh.SFTPError, ChannelError):
        await sftp.remove(aside)
        raise
    return aside


async def show(sftp: SFTPClient, home: str, name: str) -> str:
    """Give a frame that was written aside its name, unless there is such a file."""
    aside, path = f"{home}/drop/{ASIDE}{name}", f"{home}/drop/{name}"
    try:
        await sftp.rename(aside, path)
    except asyncssh.SFTPError:
        await sftp.remove(aside)
        raise
    return path


async def take_away(sftp: SFTPClient, paths: Iterable[str]) -> None:
    """Remove files, unless the peer has taken them."""
    await asyncio.gather(*(_remove(sftp, path) for path in paths))


@dataclass(frozen=True, slots=True)
class Left:
    """What the peer left for this node."""

    frame: bytes
    mark: tuple[int, int]
    """By which the same file is known again."""


async def fetch(sftp: SFTPClient, kept: Kept, home: str, node: str, before: tuple[int, int]) -> Left | None:
    """The frame that lies there for a node, unless it is the one that was fetched before. Where there is no place for
    one, it is made: the peer leaves frames only for those who come for them."""
    path = f"{home}/out/{node}/{OUT_NAME}"
    try:
        found = await sftp.lstat(path)
        size, mark = found.size or 0, (found.mtime or 0, found.size or 0)
        if not stat.S_ISREG(found.permissions or 0) or not 0 < size <= FRAME_LIMIT or mark == before:
            return None
        async with await sftp.open(path, FXF_READ, encoding=None) as file:
            frame: Any = await file.read(FRAME_LIMIT + 1)  # bytes, as no encoding is given
    except asyncssh.SFTPNoSuchFile:
        if "out" not in kept.notes:
            kept.notes["out"] = "made"
            for place in (f"{home}/out", f"{home}/out/{node}"):
                await _make_folder(sftp, place)
        return None
    return Left(frame, mark) if len(frame) <= FRAME_LIMIT else None


async def _make_folder(sftp: SFTPClient, path: str) -> None:
    try:
        await sftp.mkdir(path, SFTPAttrs(permissions=0o700))
    except asyncssh.SFTPError:
        pass  # it is there, or cannot be: then nothing is left here, and messages wait for another way


async def _remove(sftp: SFTPClient, path: str) -> None:
    try:
        await sftp.remove(path)
    except asyncssh.SFTPNoSuchFile:
        pass  # the peer has taken it


async def _together(*requests: Coroutine[Any, Any, Any]) -> list[Any]:
    """The answers to requests that are sent in this order without waiting; the first failure is raised after all."""
    answers = await asyncio.gather(*requests, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
