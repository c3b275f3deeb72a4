"""Letters in the refs of a git repository that both can reach: for when nothing else leads there."""

from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.git_peers import GitPeers
from multifleet.channels.git_remote import BadRemote, remote_of
from multifleet.core.git_mail import LETTER_BYTES, GitMail
from multifleet.loading import load

EMPTY_LIES = 600.0
"""Seconds that a letter without messages is of use."""
LONGEST = 30 * 86_400
FOLDER = "git"
STARTING = "the daemon is starting"


class GitChannel:
    """P7. Costs nothing where no remote is configured: nothing is started, and nothing more is loaded."""

    name: ClassVar[str] = "git"

    def __init__(self) -> None:
        self._why_not = STARTING
        self._here: Here
        self._peers: GitPeers
        self._shown = ""

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Begin to look for letters, where a remote is configured."""
        self._here = here
        # Who is told that this node looks nowhere leaves nothing for ten minutes: a start takes a moment.
        self._peers = GitPeers(here, lambda: self._why_not in ("", STARTING))
        if not here.config.git.remote:
            self._why_not = "no git remote is configured (git.remote; see docs/git.md)"
            return
        if self.name in here.config.channels.off:
            self._why_not = "turned off in the configuration"
            return
        try:
            remote = remote_of(here.config.git.remote)
        except BadRemote as error:
            self._why_not = str(error)
            here.count("git_bad_remote", reason=error)
            return
        await load(*(f"multifleet.channels.git_{name}" for name in ("incoming", "outgoing", "repository")))
        from multifleet.channels.git_incoming import Incoming
        from multifleet.channels.git_outgoing import Lying, Outgoing
        from multifleet.channels.git_repository import GitRepository

        place = here.home / FOLDER
        repository = GitRepository(remote, place)
        repository.tidy()
        lying = Lying(place / "lying.json", remote.url)
        lying.load()
        self._shown = remote.shown
        self._outgoing = Outgoing(repository, lying, here.now, here.count)
        self._incoming = Incoming(repository, self._mail, self._outgoing, self._peers, here)
        here.spawn("git push", self._outgoing.run)
        here.spawn("git fetch", self._incoming.run)
        self._why_not = ""

    def reaches(self, target: Target) -> str:
        """Whether a remote is configured here, and the peer has not just said that it has none."""
        return self._why_not or self._peers.why_not(target.node)

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Leave the frame where the peer looks for it; frames that come within a moment share one push."""
        if self._why_not:
            raise ChannelError(self._why_not)
        now = self._here.now()
        expires = min(float(parcel.expires or now + LONGEST), now + LONGEST) if parcel.ids else now + EMPTY_LIES
        mail = self._mail()
        ref = mail.letter(target.node, self._here.random(LETTER_BYTES))
        self._incoming.soon()
        await self._outgoing.post(ref, mail.wrap(ref, parcel.frame), target.node, parcel.ids, expires)
        return Carried(Success.PARKED, where=f"{self._shown}{self._peers.doubt(target.node)}")

    def complaint(self) -> str:
        """That the remote does not do what is asked of it."""
        return "" if self._why_not or not self._incoming.trouble else f"git.remote: {self._incoming.trouble}"

    async def mend(self, target: Target) -> str:
        """Look for letters at once; nothing is kept that could be stale."""
        if self._why_not:
            return self._why_not
        try:
            count = await self._incoming.look()
        except ChannelError as error:
            return f"the git remote was asked anew: {error}"
        return f"the git remote was asked anew: {count} letters were there"

    def _mail(self) -> GitMail:
        return GitMail(self._here.fleet())
