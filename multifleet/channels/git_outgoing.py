"""Letters on their way to a git remote: what comes within a moment goes out in one push, with the letters that are to
be deleted there. Remembers what it left, so that nothing stays longer than its messages are worth."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from multifleet.channels.base import ChannelError
from multifleet.channels.git_repository import GitRepository
from multifleet.core.git_mail import is_letter
from multifleet.core.visible import visible
from multifleet.private_files import read_private, write_private

GATHER_SECONDS = 0.5
PUSH_SECONDS = 30.0
PUSH_LETTERS = 200
PUSH_BYTES = 24 * 1024 * 1024
PUSH_DELETIONS, DELETIONS_BESIDE = 100, 20
"""In one push, alone and beside letters: a plain repository with ten thousand refs takes 12 ms for each."""
REMEMBERED = 2_000
"""Letters that lie there, and refs that are to be deleted."""
_FILE_LIMIT = 1024 * 1024


@dataclass(slots=True, eq=False)
class Leaving:
    """One letter that is to be left."""

    ref: str
    blob: bytes
    pile: str
    """Whose letters it lies among."""
    says: frozenset[str]
    """What is in it; an earlier one of the pile that says no more is deleted."""
    expires: float
    done: asyncio.Future[None] | None = None
    """Of who waits for it."""

    @property
    def is_wanted(self) -> bool:
        """Whether it is of use to push it."""
        return self.done is None or not self.done.done()


class _Left(msgspec.Struct):
    """The file."""

    remote: str
    letters: dict[str, float] = {}
    """Ref: when it is of no use any more, wall clock."""


@dataclass(slots=True)
class Lying:
    """What lies on the remote, in memory and in a file."""

    path: Path
    remote: str
    letters: dict[str, float] = field(default_factory=dict)

    def load(self) -> None:
        """Read what an earlier run left on this remote."""
        try:
            left = msgspec.json.decode(read_private(self.path, _FILE_LIMIT) or b"", type=_Left)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return  # what is forgotten here its recipient deletes
        if left.remote == self.remote:
            self.letters = {ref: expires for ref, expires in left.letters.items() if is_letter(ref)}

    def save(self) -> None:
        """As it is now; what cannot be written is forgotten with the process."""
        while len(self.letters) > REMEMBERED:
            del self.letters[next(iter(self.letters))]
        with contextlib.suppress(OSError):
            write_private(self.path, msgspec.json.encode(_Left(self.remote, self.letters)))

    def expired(self, now: float) -> list[str]:
        """What is to be deleted."""
        return [ref for ref, expires in self.letters.items() if expires <= now]


class Outgoing:
    """One for the channel; `run` as long as the node runs."""

    def __init__(
        self, repository: GitRepository, lying: Lying, now: Callable[[], float], count: Callable[..., None]
    ) -> None:
        self._repository = repository
        self._lying = lying
        self._now = now
        self._count = count
        self._queue: list[Leaving] = []
        self._pushing: list[Leaving] = []
        self._gone: dict[str, None] = {}
        self._left: dict[str, tuple[str, frozenset[str]]] = {}
        """Ref: pile, and what it says; of this run."""
        self._wanted = asyncio.Event()
        self._push: asyncio.Task[None] | None = None

    async def post(self, ref: str, blob: bytes, pile: str, says: Collection[str], expires: float) -> None:
        """Leave a letter; it lies there when this returns, or ChannelError. `expires`: seconds, wall clock."""
        done = asyncio.get_running_loop().create_future()
        leaving = Leaving(ref, blob, pile, frozenset(says), expires, done)
        self._add(leaving)
        try:
            await done
        except asyncio.CancelledError:
            await self._give_up(leaving)
            raise

    def leave(self, ref: str, blob: bytes, pile: str, says: Collection[str], expires: float) -> None:
        """Leave a letter with the next push; nobody waits for it, and it is lost where that fails."""
        self._add(Leaving(ref, blob, pile, frozenset(says), expires))

    def delete(self, ref: str) -> None:
        """Delete a letter with one of the next pushes."""
        if len(self._gone) < REMEMBERED * 10:
            self._gone[ref] = None
            self._wanted.set()

    def lies(self, pile: str) -> bool:
        """Whether a letter of a pile was left in this run, or is about to be."""
        left = (known for known, _ in self._left.values())
        return pile in left or any(one.pile == pile for one in (*self._queue, *self._pushing))

    async def run(self) -> None:
        """Push what there is, whenever there is something."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wanted.clear()
            for ref in self._lying.expired(self._now()):
                self._gone[ref] = None
            while self._queue or self._gone:
                if not await self._push_some():
                    if self._queue:
                        self._wanted.set()
                    break  # deletions wait for the next push

    def _add(self, leaving: Leaving) -> None:
        self._queue.append(leaving)
        self._wanted.set()

    async def _give_up(self, leaving: Leaving) -> None:
        if leaving in self._queue:
            self._queue.remove(leaving)
        elif leaving in self._pushing and self._push and not any(one.is_wanted for one in self._pushing):
            self._push.cancel()
            await asyncio.wait([self._push])

    async def _push_some(self) -> bool:
        self._pushing = self._next()
        superseded = [ref for ref, (pile, says) in self._left.items() if self._is_said_anew(pile, says)]
        most = len(superseded) + DELETIONS_BESIDE if self._pushing else PUSH_DELETIONS
        gone = list(dict.fromkeys([*superseded, *self._gone]))[:most]
        self._push = asyncio.create_task(self._push_now(gone), name="git push")
        try:
            await asyncio.wait([self._push])
            return self._went_well(self._push)
        finally:
            self._push.cancel()
            await asyncio.wait([self._push])
            for one in self._pushing:
                if one.done and not one.done.done():
                    one.done.set_exception(ChannelError("the push was broken off", unknown=True))
            self._pushing, self._push = [], None

    def _is_said_anew(self, pile: str, says: frozenset[str]) -> bool:
        return any(one.pile == pile and says <= one.says for one in self._pushing)

    def _next(self) -> list[Leaving]:
        some: list[Leaving] = []
        size = 0
        while self._queue and len(some) < PUSH_LETTERS and (not some or size + len(self._queue[0].blob) <= PUSH_BYTES):
            one = self._queue.pop(0)
            if one.is_wanted:
                some.append(one)
                size += len(one.blob)
        return some

    async def _push_now(self, gone: list[str]) -> None:
        for one in self._pushing:  # first: a push that is cut off may have left them all the same
            self._lying.letters[one.ref] = one.expires
        self._lying.save()
        letters = {one.ref: one.blob for one in self._pushing}
        async with asyncio.timeout(PUSH_SECONDS):
            refused = await self._repository.push(letters, gone)
        for one in self._pushing:
            if one.ref in refused:
                self._lying.letters.pop(one.ref, None)
                _tell(one, ChannelError(f"the git remote refuses it: {visible(refused[one.ref], one_line=True)}"))
            else:
                self._left[one.ref] = (one.pile, one.says)
                _tell(one, None)
        while len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]
        for ref in gone:
            self._gone.pop(ref, None)
            self._left.pop(ref, None)
            self._lying.letters.pop(ref, None)
            if ref in refused:
                self._count("git_not_deleted", reason=refused[ref])
        self._lying.save()

    def _went_well(self, push: "asyncio.Task[None]") -> bool:
        """Else everybody who waits is told what was wrong."""
        if push.cancelled():
            return True  # nobody waits for it any more
        error = push.exception()
        if error is None:
            return True
        if isinstance(error, TimeoutError):
            error = ChannelError(f"the git remote took nothing within {PUSH_SECONDS:g} s", unknown=True)
        if not isinstance(error, ChannelError):
            raise error
        self._count("git_push_failed", reason=error)
        for one in self._pushing:
            _tell(one, error)
        return False


def _tell(leaving: Leaving, error: ChannelError | None) -> None:
    if leaving.done and not leaving.done.done():
        if error:
            leaving.done.set_exception(ChannelError(str(error), unknown=error.unknown))
        else:
            leaving.done.set_result(None)
