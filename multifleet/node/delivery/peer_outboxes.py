"""The outboxes of all peers: makes each when it is first asked for, and runs their loops."""

import asyncio
from collections.abc import Collection, Sequence

from multifleet.core.backoff import Backoff
from multifleet.core.receipts import State
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.delivery import Delivery
from multifleet.node.delivery.endings import Endings
from multifleet.node.delivery.outboxes import PeerOutbox
from multifleet.node.enduring import enduring, tell
from multifleet.node.members import Member, Members
from multifleet.store.store import Store


class PeerOutboxes:
    """One for the node; `delivery` and `endings` are set before a loop runs."""

    delivery: Delivery
    endings: Endings

    def __init__(
        self, members: Members, store: Store, clock: NodeClock, counters: Counters, own_routes: Collection[str] = ()
    ) -> None:
        self._members = members
        self._store = store
        self._clock = clock
        self._counters = counters
        self._own_routes = own_routes
        self._outboxes: dict[str, PeerOutbox] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asked: set[str] = set()
        self._group: asyncio.TaskGroup | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run the loops of all members in this group, and of whoever comes later."""
        self._group = group
        for member in list(self._members):
            self._run(member.node)

    def stop(self) -> None:
        """Start no loop any more; those that run end with their group."""
        self._group = None

    def of(self, node: str) -> PeerOutbox:
        """The loop that sends to a peer."""
        outbox = self._outboxes.get(node)
        if outbox is None:
            member = self._members.get(node)
            row = member.row if member else None
            backoff = Backoff(row.attempt, row.delay, row.elapsed) if row else Backoff()
            outbox = PeerOutbox(
                node,
                backoff,
                self.delivery,
                self._store,
                self._clock,
                self._counters,
                self._give_up,
                self._sent,
                self._own_routes,
            )
            self._outboxes[node] = outbox
            self._run(node)
        return outbox

    def last_reasons(self) -> dict[str, str | None]:
        """Why the last attempt to reach each peer failed; None where it did not."""
        return {node: outbox.last_reason for node, outbox in self._outboxes.items()}

    def entered(self, member: Member) -> None:
        """It is a member now, or at other addresses than before."""
        self._run(member.node)
        self.of(member.node).heard_again()

    def is_back(self, node: str) -> None:
        """A peer is there again, or its daemon was started anew: what failed before says nothing about now."""
        outbox = self._outboxes.get(node)
        if outbox is not None and outbox.is_waiting:
            outbox.heard_again()

    def all_back(self) -> None:
        """The network may be another one: what failed before says nothing about now."""
        for node in self._outboxes:
            self.is_back(node)

    def try_now(self, node: str) -> None:
        """Ask a peer over every way at once, whatever its backoff says."""
        outbox = self.of(node)
        outbox.probe()
        outbox.heard_again()

    def ask_now(self, node: str) -> None:
        """Ask a peer for a sign over every direct way, whatever its backoff says. Before it has answered nothing that
        waits for it is sent anew: what made us ask may be an old recording in a stranger's hands."""
        if self._group is None or node in self._asked:
            return
        self._asked.add(node)
        try:
            self.delivery.attempts.spawn(self._ask(node), f"question to {node}")
        except RuntimeError:
            self._asked.discard(node)  # the node is stopping

    async def _ask(self, node: str) -> None:
        try:
            ended = await self.delivery.deliver(node, (), (), alone=True)
        except Exception as error:  # noqa: BLE001  it must not end the node; it is told and asked again
            tell(self._counters, "ask_fault", node, error)
            return
        finally:
            self._asked.discard(node)
        if ended.answered and node in self._outboxes:
            self._outboxes[node].heard_again()

    def state_to(self, node: str) -> None:
        """There is something to state about a peer's messages."""
        if self._members.get(node) is not None:
            self.of(node).state()

    async def stop_sending(self, node: str) -> None:
        """End the loop of a peer, unless another machine has its name by now."""
        if self._members.get(node) is not None:
            return
        self._outboxes.pop(node, None)
        task = self._tasks.pop(node, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def is_unknown(self, node: str, message_id: str) -> bool:
        """Whether a message may have arrived that no answer told of."""
        outbox = self._outboxes.get(node)
        return outbox is None or outbox.is_unknown(message_id)

    def drop(self, node: str, message_id: str) -> None:
        """A message's time is over."""
        outbox = self._outboxes.get(node)
        if outbox is not None:
            outbox.drop(message_id)

    def ended(self, node: str, message_id: str) -> None:
        """Nothing more is expected about a message that the peer holds."""
        outbox = self._outboxes.get(node)
        if outbox is not None:
            outbox.ended(message_id)

    def arrived(self, node: str, message_id: str) -> None:
        """The peer has a message, whatever way it came."""
        outbox = self._outboxes.get(node)
        if outbox is not None:
            outbox.arrived(message_id)

    def _run(self, node: str) -> None:
        outbox = self.of(node)
        if self._group is not None and node not in self._tasks:
            name = f"outbox of {node}"
            self._tasks[node] = self._group.create_task(enduring(name, outbox.run, self._counters), name=name)

    def _sent(self, node: str, messages: Sequence[str], channel: str, where: str) -> None:
        self.endings.sent(messages, node, channel, where)

    async def _give_up(self, node: str, messages: Sequence[tuple[str, str]]) -> None:
        await self.endings.give_up(messages, node, State.UNDELIVERABLE)
