"""Takes this node's letters from a git remote: on a timer, and soon after something was sent by it.

Whatever lies in the mailbox was put there by anybody who may write to the repository. What is no letter of this fleet,
or is refused, is deleted; what cannot be written now is left. Letters of peers that were heard so are answered there.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from multifleet.channels.base import ChannelError, Here
from multifleet.channels.git_outgoing import Outgoing
from multifleet.channels.git_peers import GitPeers
from multifleet.channels.git_program import GitFailed, TooMuch
from multifleet.channels.git_repository import Fetched, GitRepository, Letter
from multifleet.core.frame import FrameRefused, read_header
from multifleet.core.git_mail import LETTER_BYTES, GitMail, is_letter
from multifleet.core.limits import TokenBucket

FETCH_SECONDS = 30.0
SOON = 5.0
"""Seconds after which this node looks again when something was sent or came by git; doubled up to its usual time."""
SELDOM = 600.0
"""Seconds between two looks at a remote that fails, at the most; the first one that follows a failure is as soon."""
TALKING = 900.0
"""Seconds for which a peer that was heard by git is told there what else there is to tell."""
ANSWERS_AT_ONCE, ANSWERS_PER_SECOND = 10, 1 / 60
"""Letters that answer one peer."""
ANSWERS_LIE = 7 * 86_400
PIECE = 32
"""Letters that are fetched by name where all together are too much."""
HANDLED = 20_000
TAKEN, NOT_NOW = (200, 409), 507


@dataclass(slots=True)
class _Talk:
    """With a peer that was heard by git."""

    heard_at: float = 0.0
    """Monotonic."""
    said: int = 0
    """Bytes of what was left for it since."""
    bucket: TokenBucket = field(default_factory=lambda: TokenBucket(ANSWERS_AT_ONCE, ANSWERS_PER_SECOND))


class Incoming:
    """One for the channel; `run` as long as the node runs."""

    def __init__(
        self, repository: GitRepository, mail: Callable[[], GitMail], outgoing: Outgoing, peers: GitPeers, here: Here
    ) -> None:
        self._repository = repository
        self._mail = mail
        self._outgoing = outgoing
        self._peers = peers
        self._here = here
        self._every = here.config.git.every
        self._hurried = asyncio.Event()
        self._looking = asyncio.Lock()
        self._handled: OrderedDict[str, None] = OrderedDict()
        self._by_name = False
        """Whether all letters at once took too long, or failed."""
        self._talking: dict[str, _Talk] = {}
        self.trouble = ""
        """Why the last look of its own accord was in vain."""

    def soon(self) -> None:
        """Something is likely to come: look often for a while."""
        self._hurried.set()

    async def run(self) -> None:
        """Look for letters until cancelled."""
        wait, failing = min(SOON, self._every) * self._spread(), 0.0
        while True:
            if await self._hurry(wait):
                wait, failing = min(SOON, self._every), 0.0
            try:
                if await self.look():
                    wait = min(SOON, self._every)
                else:
                    wait = min(wait * 2, self._every)
                self.trouble, failing = "", 0.0
            except ChannelError as error:
                self.trouble = str(error)
                self._here.count("git_fetch_failed", reason=error)
                wait = failing = min(2 * failing or min(SOON, self._every), max(SELDOM, self._every))
            wait *= self._spread()
            await self._peers.ask()

    async def look(self) -> int:
        """Take what lies there, and leave answers: how many letters there were."""
        async with self._looking:
            try:
                count = await self._look()
            except ChannelError:
                await self._tell_more()  # some were taken before it went wrong
                raise
            await self._tell_more()
            return count

    async def _look(self) -> int:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await self._round()
        except TimeoutError:
            self._by_name = True
            raise ChannelError(f"the git remote did not answer within {FETCH_SECONDS:g} s") from None
        except TooMuch as error:
            raise ChannelError(str(error)) from None
        except GitFailed:
            self._by_name = not self._by_name  # one ref that cannot be written here fails them all
            raise

    async def _hurry(self, wait: float) -> bool:
        try:
            async with asyncio.timeout(wait):
                await self._hurried.wait()
        except TimeoutError:
            return False
        self._hurried.clear()
        await asyncio.sleep(min(SOON, self._every))  # the answer takes a moment too
        return True

    def _spread(self) -> float:
        """0.9 to 1.1, so that the nodes of a fleet do not all look at once."""
        return 0.9 + self._here.random(1)[0] / 1275

    async def _round(self) -> int:
        mailbox = self._mail().mailbox(self._here.node)
        if self._by_name:
            count = await self._in_pieces(mailbox)
        else:
            try:
                async with self._repository.fetched(mailbox) as fetched:
                    count = await self._take(fetched)
            except TooMuch as error:
                self._here.count("git_too_much", reason=error)
                count = await self._in_pieces(mailbox)
        return count

    async def _in_pieces(self, mailbox: str) -> int:
        """Some letters, as many at once as are not too much; which, chance decides, so that none stands in the way."""
        refs = [ref for ref in await self._repository.listed(mailbox) if ref not in self._handled]
        start = int.from_bytes(self._here.random(4)) % len(refs) if refs else 0
        some = [[*refs[start:], *refs[:start]][:PIECE]]
        self._by_name, count = len(refs) > PIECE, 0
        while some:
            piece = some.pop()
            if not piece:
                continue
            try:
                async with self._repository.fetched(mailbox, piece) as fetched:
                    count += await self._take(fetched)
            except TooMuch as error:
                if len(piece) == 1:
                    self._refuse(piece[0], str(error))
                else:
                    some += [piece[: len(piece) // 2], piece[len(piece) // 2 :]]
        return count

    async def _take(self, fetched: Fetched) -> int:
        letters = [letter for letter in await fetched.letters() if letter.ref not in self._handled]
        odd = [letter for letter in letters if not letter.is_sound]
        async for letter, blob in fetched.read(letter for letter in letters if letter.is_sound):
            if not await self._take_one(letter, blob):
                break
        for letter in odd:
            self._refuse(letter.ref, "no letter, or too large")
        return len(letters)

    async def _take_one(self, letter: Letter, blob: bytes) -> bool:
        """False where nothing can be written here now."""
        frame = self._mail().unwrap(letter.ref, blob)
        try:
            header = read_header(frame) if frame is not None else None
        except FrameRefused:
            header = None
        if frame is None or header is None:
            self._refuse(letter.ref, "not of this fleet")
            return True
        status, _ = await self._here.receive(frame, self._repository.remote.shown, "git", True)
        if status == NOT_NOW:
            return False
        if status in TAKEN:
            self._hear(header.sender)
            self._done(letter.ref)
        else:
            self._refuse(letter.ref, f"status {status}")
        return True

    def _hear(self, peer: str) -> None:
        self._peers.note(peer)
        talk = self._talking.setdefault(peer, _Talk())
        talk.heard_at, talk.said = self._here.monotonic(), 0

    def _refuse(self, ref: str, reason: str) -> None:
        self._here.count("git_refused", reason=reason)
        self._done(ref)

    def _done(self, ref: str) -> None:
        self._handled[ref] = None
        while len(self._handled) > HANDLED:
            self._handled.popitem(last=False)
        if is_letter(ref):  # any other name is never given to git
            self._outgoing.delete(ref)

    async def _tell_more(self) -> None:
        """Leave what waits here for peers that were heard by git lately."""
        now = self._here.monotonic()
        self._talking = {peer: talk for peer, talk in self._talking.items() if now - talk.heard_at < TALKING}
        for peer, talk in self._talking.items():
            frame = await self._here.waiting_for(peer)
            # A frame of the same length says the same: it differs in its nonce.
            if frame is None or (len(frame) == talk.said and self._outgoing.lies(f"answers {peer}")):
                continue
            if talk.bucket.take(now):
                continue  # two nodes that always have an answer to each other do not keep the remote busy
            talk.said = len(frame)
            ref = self._mail().letter(peer, self._here.random(LETTER_BYTES))
            expires = self._here.now() + ANSWERS_LIE
            self._outgoing.leave(ref, self._mail().wrap(ref, frame), f"answers {peer}", (), expires)
