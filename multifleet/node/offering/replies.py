"""Where agent sessions answer: one socket for each remote address, so that a model's reply finds its way by itself.

A member may name whatever seat it likes as a sender: of addresses that are not listed, only so many have a socket, and
where there are too many, one goes of the machine that has most.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from multifleet.core.recent import Recent, surplus
from multifleet.errors import MultifleetError, OverBudget
from multifleet.node.counters import Counters
from multifleet.node.delivery.sending import Sending
from multifleet.node.enduring import tell
from multifleet.node.offering.telling import tell_surely
from multifleet.sessions.base import Found, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import (
    ReplySocket,
    SocketTaken,
    remove_stale_socket,
    reply_socket_name,
)
from multifleet.sessions.claude_wire import IdleNotice, IdleWish, Odd, Receipt, Reply
from multifleet.sessions.inboxes import Inboxes
from multifleet.sessions.own_files import NotOurs
from multifleet.store.rows import InboxRow
from multifleet.store.store import Store

REMEMBERED, ASKED = 200, 500
"""Latest messages whose reply sockets are opened again after a restart, and sent ones whose conversation is known."""
SOCKETS = 64
"""Addresses that are not listed and have a socket."""
LATEST = 256
"""Pairs of a conversation and an address whose latest message is known; of others, a reply answers none."""

Word = Receipt | Reply | IdleWish | IdleNotice | Odd


class Replies:
    """One for the node."""

    def __init__(
        self,
        node: str,
        store: Store,
        counters: Counters,
        inboxes: Inboxes,
        sending: Callable[[], Sending],
        news: Callable[[], None],
    ) -> None:
        self._node = node
        self._store = store
        self._counters = counters
        self._inboxes = inboxes
        self._sending = sending
        self._news = news
        self._sockets: dict[str, ReplySocket] = {}
        """The least recently used first."""
        self._listed: set[str] = set()
        """Names of those that stand for a seat that is listed: they stay open."""
        self._remotes: dict[str, str] = {}
        """Also of some that are closed: what was heard there may not be taken up yet."""
        self._latest: Recent[tuple[str, str], InboxRow] = Recent(LATEST, _machine_of_pair)
        self._told_off: Recent[tuple[str, str], bool] = Recent(LATEST, _machine_of_pair)
        """Conversations that were told of a budget that is spent, and with which address."""
        self._asked: dict[str, tuple[str, str]] = {}
        """Message that went out from here: the conversation that wrote it, and the machine that got it."""
        self._group: asyncio.TaskGroup | None = None
        self.words: deque[Word] = deque()
        """What clients and models said, in order, not taken up yet."""
        self.passed_on: Callable[[Reply, Session, str, str], None] = lambda word, session, remote, message_id: None
        """Called for each word that became a message."""
        self.not_passed_on: Callable[[Reply, Session, str, bool], Awaitable[None]] = _nobody
        """Called for each that did not: whether there were too many."""
        self.wished: Callable[[IdleWish, Session | None, str | None], None] = lambda word, session, remote: None
        """Called for each wish to be told when a remote address is idle."""

    async def start(self, stack: AsyncExitStack) -> None:
        """Open the sockets that models were told before a restart; they may answer yet."""
        stack.push_async_callback(self._close)
        for row in reversed(await self._store.inbox.listing(REMEMBERED)):  # the newest last: it stays
            if row.session is not None:
                self.showed(row.session, row)
                await self.socket_for(row.from_)

    def tell_in(self, group: asyncio.TaskGroup) -> None:
        """Sessions are told in this group what was not sent for them; one may be out of reach for a while."""
        self._group = group

    async def socket_for(self, remote: str, *, is_listed: bool = False) -> ReplySocket | None:
        """The socket that stands for a remote address; None where none can be opened: then nobody can answer there.

        Once it `is_listed`, it stays open until it is released.
        """
        name = self._name(remote)
        found = self._sockets.get(name)
        if found is not None:
            self._used(name)
            if is_listed:
                self._listed.add(name)
            return found
        try:
            opened = await ReplySocket.open(name, self._hear)
        except (SocketTaken, OSError, NotOurs) as error:
            self._counters.failed("reply_socket", reason=error)
            return None
        self._sockets[name] = opened
        self._remotes[name] = remote
        if is_listed:
            self._listed.add(name)
        await self._make_room()
        return opened

    async def release(self, remote: str) -> None:
        """Close the socket of a remote address, unless a conversation was shown something from there."""
        name = self._name(remote)
        self._listed.discard(name)
        opened = self._sockets.get(name)
        if opened is not None and not any(sender == remote for _, sender in self._latest):
            del self._sockets[name]
            del self._remotes[name]
            await opened.aclose()
        await self._make_room()

    def remove_stale(self, remote: str) -> None:
        """Remove the socket file that an earlier run left for a remote address."""
        if self._name(remote) not in self._sockets:
            remove_stale_socket(self._name(remote))

    async def _make_room(self) -> None:
        unlisted = [name for name in self._sockets if name not in self._listed]
        closing = [self._sockets.pop(name) for name in surplus(unlisted, SOCKETS, self._machine)]
        closed = [name for name in self._remotes if name not in self._sockets]
        for name in surplus(closed, SOCKETS, self._machine):
            del self._remotes[name]
        for one in closing:
            await one.aclose()

    async def _close(self) -> None:
        for opened in list(self._sockets.values()):
            await opened.aclose()

    def _used(self, name: str) -> None:
        opened = self._sockets.pop(name, None)
        if opened is not None:
            self._sockets[name] = opened

    def _machine(self, name: str) -> str:
        return _machine_of(self._remotes[name])

    def _name(self, remote: str) -> str:
        return reply_socket_name(self._node, str(self._store.created_at), remote)

    def asker(self, found: Found, row: InboxRow) -> Session | None:
        """The live conversation whose own message this one answers, from the machine that it went to."""
        asked, machine = self._asked.get(row.reply_to or "", (None, ""))
        return next((one for one in found.sessions if one.session_id == asked and machine == row.sender), None)

    def showed(self, session_id: str, row: InboxRow) -> None:
        """A conversation was shown this message: a reply to its sender answers it."""
        self._latest.put((session_id, row.from_), row)

    async def pass_on(self, word: Reply, session: Session | None, seat: str | None) -> None:
        """A model wrote to one of the sockets: that is a message to the remote address it stands for."""
        remote = self._remotes.get(word.socket)
        if remote is None or session is None:
            self._counters.failed("reply_from_nobody", socket=word.socket, pid=word.pid)
            return
        answered = self._latest.get((session.session_id, remote))
        try:
            if answered is not None:
                accepted = await self._sending().reply(answered, word.text, sender_seat=seat, from_mode=word.from_mode)
            else:
                accepted = await self._sending().send(remote, word.text, sender_seat=seat, from_mode=word.from_mode)
        except MultifleetError as error:
            self._counters.failed("reply_not_sent", session=session.session_id, reason=error)
            assert self._group is not None, "what was said is taken up while this runs"
            self._group.create_task(self._tell_of(error, word, session, remote), name=f"not sent to {remote}")
            return
        if answered is not None and accepted.id == answered.id:
            return  # it only acknowledged an answer, and went as a receipt
        self._asked[accepted.id] = session.session_id, _machine_of(remote)
        while len(self._asked) > ASKED:
            del self._asked[next(iter(self._asked))]
        self.passed_on(word, session, remote, accepted.id)

    async def _tell_of(self, error: MultifleetError, word: Reply, session: Session, remote: str) -> None:
        try:
            await self.not_passed_on(word, session, remote, isinstance(error, OverBudget))
            if isinstance(error, OverBudget):
                if self._told_off.get((session.session_id, remote)):
                    return  # a model that answers the notice would be told again for ever
                self._told_off.put((session.session_id, remote), True)
            await self.tell(word.socket, session, f"multifleet did not send your message to {remote}: {error}.")
        except Exception as fault:  # noqa: BLE001  a fault here must not stop the node
            tell(self._counters, "part_failed", "replies", fault)

    def wish(self, word: IdleWish, session: Session | None) -> None:
        """A session wants to be told when a remote address is idle."""
        self.wished(word, session, self._remotes.get(word.socket))

    async def tell(self, socket: str, session: Session, words: str) -> None:
        """Its client believed the reply to be on its way: the model is told otherwise.

        A message of our own, because the client's notices have no room for the reason.
        """
        notice = str(uuid.uuid4())
        text = f"{words} (A notice; it needs no answer.)"
        post = partial(self._inboxes.post, session, offer_id=notice, text=text, reply=self._sockets.get(socket))
        try:
            await tell_surely(partial(post, from_name="multifleet", from_session=f"mf-{notice}"))
        except (Unreachable, UnknownOutcome) as error:
            self._counters.failed("reply_not_reported", session=session.session_id, reason=error)

    def _hear(self, word: Word) -> None:
        self._used(word.socket)
        self.words.append(word)
        self._news()


def _machine_of(remote: str) -> str:
    return remote.partition("/")[0]


def _machine_of_pair(pair: tuple[str, str]) -> str:
    return _machine_of(pair[1])


async def _nobody(word: Reply, session: Session, remote: str, is_over_budget: bool) -> None:
    """Nobody wants to know."""
