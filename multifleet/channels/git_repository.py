"""What is asked of a git remote: to take letters and drop others, to hand over those of one mailbox.

Every question has a repository of its own that is deleted after it. Letters are unrelated blobs, so a kept one would
save nothing, and there is none that could be damaged, locked or grown by what a remote sends. Nothing is checked out,
and no ref is named to git but letters' own.
"""

import asyncio
import hashlib
import os
import shutil
import signal
import tempfile
import zlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from multifleet.channels.base import ChannelError
from multifleet.channels.git_program import GitFailed, TooMuch, run
from multifleet.channels.git_remote import Remote
from multifleet.core.git_mail import BLOB_LIMIT, is_letter
from multifleet.private_files import private_folder

FETCH_BYTES = 32 * 1024 * 1024
"""That one fetch may bring."""
LIST_BYTES = 16 * 1024 * 1024
"""That a list of refs may have: a hundred thousand letters."""
READ_BYTES = 4 * 1024 * 1024
"""Of letters that are held in memory at a time."""
_IN = "refs/in"
_SCRATCH = "work-"
_SETTINGS = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


@dataclass(frozen=True, slots=True)
class Letter:
    """A ref that was fetched."""

    ref: str
    object: str
    size: int
    is_blob: bool

    @property
    def is_sound(self) -> bool:
        """Whether it may be read at all."""
        return self.is_blob and self.size <= BLOB_LIMIT and is_letter(self.ref)


class GitRepository:
    """One remote, and the folder in which this node works with it."""

    def __init__(self, remote: Remote, place: Path) -> None:
        self.remote = remote
        self._place = place

    def tidy(self) -> None:
        """End and delete what a killed daemon may have left: a far side that never answers keeps git for ever."""
        for left in self._place.glob(f"{_SCRATCH}*"):
            _end_those_in(left)
            shutil.rmtree(left, ignore_errors=True)

    async def push(self, letters: Mapping[str, bytes], gone: Collection[str] = ()) -> dict[str, str]:
        """Store letters, delete others, in one connection: what was refused, with the reason; ChannelError where all
        failed."""
        changes = [*(f"{_object(blob)}:{ref}" for ref, blob in letters.items()), *(f":{ref}" for ref in gone)]
        if not changes:
            return {}
        async with self._scratch() as folder:
            await asyncio.to_thread(_write_objects, folder, letters.values())
            words = ["push", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--quiet"]
            try:
                told = await self._ask(folder, [*words, *self._at("receive-pack"), *changes], printed=LIST_BYTES)
            except TooMuch as error:
                if not gone or not self.remote.is_local:
                    raise ChannelError(str(error), unknown=True) from None
                await self._delete_here(gone)
                return await self.push(letters)
            except GitFailed as error:
                refused = _refused(error.told)
                if not refused:
                    raise
                return refused
            return _refused(told)

    async def _delete_here(self, gone: Collection[str]) -> None:
        """Delete refs of a repository on this machine, without reading what they name as a push would."""
        path = Path(self.remote.url)
        path = path / ".git" if (path / ".git").is_dir() else path
        asked = "".join(f"delete {ref}\0\0" for ref in gone).encode()
        try:
            # It is the user's repository, where more than this is to outlive a power cut.
            await run(path, ["-c", "core.fsync=default", "update-ref", "--stdin", "-z"], asked)
        except TooMuch as error:
            raise ChannelError(str(error), unknown=True) from None

    @asynccontextmanager
    async def fetched(self, mailbox: str, refs: Sequence[str] = ()) -> AsyncIterator["Fetched"]:
        """The letters of a mailbox, or some of them; TooMuch where they are too large together."""
        sources = [f"+{ref}:{_IN}/{ref.rpartition('/')[2]}" for ref in refs] or [f"+{mailbox}/*:{_IN}/*"]
        limit = min(FETCH_BYTES, len(refs) * 2 * BLOB_LIMIT) if refs else FETCH_BYTES
        async with self._scratch() as folder:
            words = ["fetch", "--quiet", "--no-tags", "--no-auto-gc", "--no-write-fetch-head"]
            await self._ask(folder, [*words, *self._at("upload-pack"), *sources], grown=limit)
            yield Fetched(folder, mailbox)

    async def listed(self, mailbox: str) -> list[str]:
        """The names of a mailbox's letters, without fetching any. The remote tells of all refs that it has."""
        async with self._scratch() as folder:
            words = ["ls-remote", "--refs", "--quiet", *self._at("upload-pack"), f"{mailbox}/*"]
            told = await self._ask(folder, words, printed=LIST_BYTES)
        refs = (line.partition("\t")[2] for line in _lines(told))
        return [ref for ref in refs if is_letter(ref) and ref.startswith(f"{mailbox}/")]

    def _at(self, service: str) -> tuple[str, ...]:
        return (*self.remote.no_hooks(service), "--", self.remote.url)

    async def _ask(self, folder: Path, words: Sequence[str], *, printed: int = 0, grown: int | None = None) -> bytes:
        if why_not := self.remote.why_not():
            raise ChannelError(why_not)
        return await run(folder, words, printed=printed or LIST_BYTES, grown=grown)

    @asynccontextmanager
    async def _scratch(self) -> AsyncIterator[Path]:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=private_folder(self._place)))
        except OSError as error:
            raise ChannelError(f"{self._place}: {error.strerror}") from None
        try:
            _make_repository(folder)
            yield folder
        finally:
            await _to_the_end(asyncio.create_task(asyncio.to_thread(shutil.rmtree, folder, True)))


class Fetched:
    """What lies in one scratch repository."""

    def __init__(self, folder: Path, mailbox: str) -> None:
        self._folder = folder
        self._mailbox = mailbox

    async def letters(self) -> list[Letter]:
        """All of them, odd ones included."""
        if not (self._folder / _IN).is_dir():
            return []
        shape = "--format=%(objectname) %(objecttype) %(objectsize) %(refname)"
        told = await run(self._folder, ["for-each-ref", shape, _IN], printed=LIST_BYTES)
        return [self._letter(*line.split(" ", 3)) for line in _lines(told)]

    def _letter(self, object: str, kind: str, size: str, ref: str) -> Letter:
        return Letter(self._mailbox + ref.removeprefix(_IN), object, int(size), kind == "blob")

    async def read(self, letters: Iterable[Letter]) -> AsyncIterator[tuple[Letter, bytes]]:
        """Their contents, a few megabytes at a time."""
        some: list[Letter] = []
        for letter in letters:
            if some and sum(one.size for one in some) + letter.size > READ_BYTES:
                for pair in await self._contents(some):
                    yield pair
                some = []
            some.append(letter)
        for pair in await self._contents(some) if some else ():
            yield pair

    async def _contents(self, letters: Sequence[Letter]) -> list[tuple[Letter, bytes]]:
        asked = "".join(f"{letter.object}\n" for letter in letters).encode()
        told = await run(self._folder, ["cat-file", "--batch"], asked, printed=READ_BYTES + BLOB_LIMIT + len(asked) * 3)
        pairs, at = [], 0
        for letter in letters:  # "<object> blob <size>\n<content>\n"
            at = told.index(b"\n", at) + 1
            pairs.append((letter, told[at : at + letter.size]))
            at += letter.size + 1
        return pairs


def _end_those_in(folder: Path) -> None:
    """Kill the processes that work in a folder of ours; only Linux tells which."""
    for entry in Path("/proc").glob("[1-9]*"):
        with suppress(OSError, ValueError):  # ended meanwhile, or another user's
            if os.readlink(entry / "cwd") == os.path.realpath(folder):
                os.kill(int(entry.name), signal.SIGKILL)


async def _to_the_end(work: asyncio.Task[None]) -> None:
    """Wait for what must be done although somebody cancels; ten thousand refs are ten thousand files to delete."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def _make_repository(folder: Path) -> None:
    try:
        (folder / "objects" / "pack").mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / "config").write_text(_SETTINGS)
    except OSError as error:
        raise ChannelError(f"{folder}: {error.strerror}") from None


def _write_objects(folder: Path, blobs: Iterable[bytes]) -> None:
    try:
        for blob in blobs:
            name = _object(blob)
            (folder / "objects" / name[:2]).mkdir(exist_ok=True)
            # Sealed bytes do not get smaller.
            (folder / "objects" / name[:2] / name[2:]).write_bytes(zlib.compress(_header(blob) + blob, 0))
    except OSError as error:
        raise ChannelError(f"{folder}: {error.strerror}") from None


def _object(blob: bytes) -> str:
    return hashlib.sha1(_header(blob) + blob, usedforsecurity=False).hexdigest()


def _header(blob: bytes) -> bytes:
    return b"blob %d\0" % len(blob)


def _lines(told: bytes) -> list[str]:
    """What git printed, line by line; other characters that end lines may stand in the names of refs."""
    return [line.decode(errors="replace") for line in told.split(b"\n") if line]


def _refused(told: bytes) -> dict[str, str]:
    """Of what `push --porcelain` prints, "<flag>\\t<from>:<to>\\t<summary>", the refused ones."""
    lines = (line.split("\t") for line in _lines(told) if line.startswith("!"))
    return {line[1].partition(":")[2]: line[2][:160] for line in lines if len(line) == 3}

