"""Which peers look into a git remote, in their own words; where none has come, a letter is left all the same."""

import asyncio
from collections.abc import Callable

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.core.git_packets import GitAsk, GitTold

ASK_SECONDS = 3.0
AGAIN = 3_600.0
"""Seconds after which who looks is asked once more; who does not is asked before."""
BELIEVED = 600.0
"""Seconds for which nothing is left for who said that he does not look: meanwhile that may have been mended."""
AT_ONCE = 8


class GitPeers:
    """One for the channel."""

    def __init__(self, here: Here, looks_here: Callable[[], bool]) -> None:
        self._here = here
        self._looks_here = looks_here
        self._told: dict[str, tuple[bool, float]] = {}
        here.serve(GitAsk, self._answer)

    def note(self, peer: str, looks: bool = True) -> None:
        """A peer has said, or shown, whether it looks."""
        self._told[peer] = (looks, self._here.monotonic())

    def why_not(self, peer: str) -> str:
        """Why nothing is to be left for a peer just now; empty where something is."""
        looks, at = self._told.get(peer, (True, 0.0))
        if looks or self._here.monotonic() - at > BELIEVED:
            return ""
        return f"{peer} looks into no git remote: git.remote is not set there"

    def doubt(self, peer: str) -> str:
        """What is to be said of a letter that is left for it."""
        if peer not in self._told:
            return f", where {peer} was not seen to look since this daemon started"
        looks, at = self._told[peer]
        if not looks:
            return f", where {peer} did not look when it was asked last"
        past = self._here.monotonic() - at
        return f", where {peer} was last seen to look {past / 3_600:.0f} h ago" if past > AGAIN else ""

    async def ask(self) -> None:
        """Ask those that are there and have not said, or may think differently by now."""
        now = self._here.monotonic()
        due = [target for target in self._here.targets() if target.is_there and self._is_due(target, now)]
        await asyncio.gather(*(self._ask(target.node) for target in due[:AT_ONCE]))

    def _is_due(self, target: Target, now: float) -> bool:
        looks, at = self._told.get(target.node, (False, float("-inf")))
        return not looks or now - at > AGAIN

    async def _ask(self, peer: str) -> None:
        try:
            told = await self._here.ask(peer, GitAsk(), ASK_SECONDS)
        except ChannelError:
            return  # older, or not to be asked just now: not known
        if isinstance(told, GitTold):
            self.note(peer, told.looks)

    async def _answer(self, peer: str, question: GitAsk) -> GitTold:
        self.note(peer)
        return GitTold(looks=self._looks_here())
