"""Takes up what clients and models said to the sockets that stand for remote addresses, in the order in which it came.

It decides nothing: each word goes to who asked for it.
"""

from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.counters import Counters
from multifleet.node.offering.following import Following
from multifleet.node.offering.holding import Holding
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.offering.replies import Replies
from multifleet.sessions.claude_wire import IdleNotice, IdleWish, Receipt, Reply


class Hearing:
    """One for the node."""

    def __init__(
        self, replies: Replies, following: Following, holding: Holding, live: LiveSessions, counters: Counters
    ) -> None:
        self._replies = replies
        self._following = following
        self._holding = holding
        self._live = live
        self._counters = counters

    async def hear(self) -> None:
        """All that was said until now."""
        while self._replies.words:
            word = self._replies.words.popleft()
            if isinstance(word, Receipt):
                try:
                    await self._following.take_receipt(word)
                except (StoreUnavailable, StoreDamaged):
                    self._replies.words.appendleft(word)  # it is said only once
                    raise
            elif isinstance(word, Reply):
                session = self._live.of_process(word.pid, word.from_name)
                await self._replies.pass_on(word, session, self._live.seat_of(session) if session else None)
            elif isinstance(word, IdleWish):
                self._replies.wish(word, self._live.of_process(word.pid))
            elif isinstance(word, IdleNotice):
                self._holding.take_notice(word)
            else:
                self._counters.failed("reply_socket_odd", reason=word.reason)
