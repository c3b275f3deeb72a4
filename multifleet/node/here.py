"""What a node's channels may ask of it."""

from collections.abc import Callable, Sequence

from multifleet.channels.base import Here
from multifleet.core import packets
from multifleet.core.fence import Authority, FencedMessage
from multifleet.core.packets import BATCH_BYTES, BATCH_LIMIT, LOG_LIMIT, Message
from multifleet.node.asking import Asking
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Packed, Take
from multifleet.node.delivery.exchange import Exchange
from multifleet.node.delivery.targets import Targets
from multifleet.node.enduring import Part
from multifleet.node.members import Member, Members
from multifleet.node.randomness import Randomness
from multifleet.node.setup import Setup
from multifleet.store.store import Store


class Waiting:
    """What waits here for each peer, made into frames for channels on which the peer looks for itself."""

    def __init__(self, members: Members, exchange: Exchange, store: Store) -> None:
        self._members = members
        self._exchange = exchange
        self._store = store

    async def frame_for(self, node: str, *, even_empty: bool = False) -> bytes | None:
        """One frame with the messages and receipts that wait for a peer; None where nothing does, unless told
        otherwise, and where it is no member."""
        member = self._members.get(node)
        if member is None:
            return None
        key = member.row.ed25519.hex()
        rows = await self._store.outbox.waiting(node, None, BATCH_LIMIT)
        batch: list[bytes] = []
        room = BATCH_BYTES
        for row in rows:
            if row.peer_key not in ("", key) or len(row.packet) > room:
                break
            room -= len(row.packet)
            batch.append(row.packet)
        log = await self._store.inbox.log_after(node, 0, LOG_LIMIT)
        if not batch and not log and not even_empty:
            return None
        return self._exchange.request(member, batch, log, 0).frame


def in_the_clear(batch: Sequence[Packed]) -> tuple[FencedMessage, ...]:
    """Messages for channels that show their text."""
    messages = [packets.read(one.packet, Message) for one in batch]
    return tuple(
        FencedMessage(
            id=message.id,
            sender=message.from_,
            authority=Authority(message.authority),
            sent_at=float(message.created),
            type=message.type,
            subject=message.subject,
            body=message.body,
        )
        for message in messages
    )


def make_here(
    setup: Setup,
    clock: NodeClock,
    counters: Counters,
    targets: Targets,
    asking: Asking,
    waiting: Waiting,
    take: Take,
    chief: Callable[[], str | None],
    spawn: Callable[[str, Part], None],
    met_at: Callable[[Member], Sequence[str]],
) -> Here:
    """The node as its channels see it."""

    def met(node: str) -> Sequence[str]:
        member = targets.members.get(node)
        return () if member is None else met_at(member)

    def count(name: str, **facts: object) -> None:
        if facts:
            counters.failed(name, **facts)
        else:
            counters.count(name)

    return Here(
        node=setup.identity.node,
        fleet=lambda: targets.members.fleet,
        home=setup.home,
        config=setup.config,
        receive=take,
        waiting_for=waiting.frame_for,
        targets=targets.all,
        target=targets.named,
        met_at=met,
        chief=chief,
        ask=asking.ask,
        ask_over=asking.ask_over,
        serve=asking.serve,
        spawn=spawn,
        count=count,
        now=clock.now,
        monotonic=clock.monotonic,
        random=Randomness().take,
    )
