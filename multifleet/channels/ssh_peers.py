"""How this node comes to know the SSH servers of its peers, and they this one: each asks the other, who signs what it
tells. Also which server showed a key that it should not have.
"""

import asyncio
import os
from collections.abc import Callable

from multifleet.channels.base import ChannelError, Here
from multifleet.channels.ssh_facts import FactsStore, SshFacts, fingerprint, own_host_keys
from multifleet.channels.ssh_login import why_no_login
from multifleet.core.ssh_packets import SshAsk, SshTold

LOOK_EVERY, LOOK_SOON = 15.0, 1.0
"""Seconds between two looks at whose word is missing or old; the shorter ones while one was never told."""
WORD_LASTS = 86_400.0
"""Seconds after which a peer is asked again."""
ASK_SECONDS = 5.0
ASK_SOON = 5.0
"""Seconds before a peer is asked again that did not answer, doubled after each time, or whose server is refused."""
ASK_AGAIN = 60.0
"""The longest such wait."""


class SshPeers:
    """One for the node."""

    def __init__(self, here: Here, learned: Callable[[str], None]) -> None:
        """`learned`: a peer has told something new."""
        self._here = here
        self._learned = learned
        self._wanted = asyncio.Event()
        self._asked: dict[str, tuple[float, float]] = {}
        """Peer: when it was asked last, and the seconds to wait after that."""
        self.facts = FactsStore(here.home)
        self.refused: dict[str, str] = {}
        """Peers whose server showed another host key than the known one, and the words that say so."""
        here.serve(SshAsk, self._tell)
        nodes = here.config.nodes.items()
        self._configured = [node for node, entry in nodes if entry.user and node != here.node]
        if self._configured:
            here.spawn("ssh facts", self._ask)

    def was_let_in(self, node: str, first_key: str) -> None:
        """A peer's server let this node in; `first_key`: the host key that is pinned now, where none was known."""
        self.refused.pop(node, None)
        if first_key:
            self._here.count("ssh_host_key_first_use", peer=node, reason=f"{fingerprint(first_key)} is pinned")
            self.facts.first_use(node, first_key)

    def was_refused(self, node: str, words: str) -> None:
        """A peer's server showed a key that is not the known one: whether that is right, the peer itself is asked."""
        self.refused[node] = words
        self._here.count("ssh_host_key_refused", peer=node, reason=words)
        self._wanted.set()

    def told(self, node: str, told: SshTold) -> SshFacts:
        """A peer's own word on its SSH server."""
        before = self.facts.of(node)
        facts = self.facts.told(node, told, self._here.now())
        if before.host_keys and before.host_keys != facts.host_keys:
            self._here.count("ssh_host_key_told", peer=node, reason="its host keys are others now, by its own word")
        self._learned(node)
        return facts

    async def _tell(self, asker: str, ask: SshAsk) -> SshTold:
        keys = await asyncio.to_thread(own_host_keys, self._here.config.sshHostKeys)
        home = await asyncio.to_thread(os.path.realpath, self._here.home)  # no login there is led by a link
        return SshTold(host_keys=keys, home=home)

    async def _ask(self) -> None:
        """Ask peers that can be logged in to, before it is needed."""
        while True:
            self._wanted.clear()
            for node in self._configured:
                target = self._here.target(node)
                if target is None or not target.is_there or why_no_login(target):
                    self._asked.pop(node, None)  # whoever comes back is asked at once
                elif self._is_due(node):
                    await self._ask_once(node)
            soon = self.refused or self._lacks_a_word()
            try:
                async with asyncio.timeout(LOOK_SOON if soon else LOOK_EVERY):
                    await self._wanted.wait()
            except TimeoutError:
                pass  # time for another look

    async def _ask_once(self, node: str) -> None:
        _, waited = self._asked.get(node, (0.0, 0.0))
        wait = min(max(ASK_SOON, 2 * waited), ASK_AGAIN)
        try:
            told = await self._here.ask(node, SshAsk(), ASK_SECONDS)
        except ChannelError:
            self._asked[node] = (self._here.monotonic(), wait)
        else:
            self._asked[node] = (self._here.monotonic(), ASK_SOON)
            assert isinstance(told, SshTold)
            self.told(node, told)

    def _lacks_a_word(self) -> bool:
        """Of a machine that is configured, though it may be no member yet: it is to be asked as soon as it is one."""
        return any(not self.facts.of(node).at for node in self._configured)

    def _is_due(self, node: str) -> bool:
        facts = self.facts.of(node)
        if node in self._asked:
            asked, wait = self._asked[node]
            if self._here.monotonic() - asked < (ASK_SOON if node in self.refused else wait):
                return False
        return node in self.refused or not facts.at or not 0 <= self._here.now() - facts.at < WORD_LASTS
