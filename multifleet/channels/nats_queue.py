"""Frames for machines that are away, in JetStream: laid there by this node, and taken from there by it.

What lies there is a copy: the sender keeps its row until the recipient has signed for it, whatever becomes of the
stream. Each frame is acknowledged to the server after it was committed or refused, not when it came.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from multifleet.channels import nats_config
from multifleet.channels.nats_jetstream import Refused, read
from multifleet.channels.nats_shares import NoQueue
from multifleet.core.frame import FRAME_LIMIT

if TYPE_CHECKING:
    from multifleet.channels.nats_library import Msg
    from multifleet.channels.nats_wire import Wire

AGAIN_SECONDS = 10
"""After which a frame is given again that this node could not write at the moment."""
_SECOND = 10**9
_NO_ROOM = frozenset({10077, 10122})
"""A limit of the stream is reached."""
_TAKE = Callable[[bytes], Awaitable[int]]


class NatsQueue:
    """The queue of one fleet on one connection, for one node."""

    def __init__(self, wire: "Wire", fleet: str, node: str) -> None:
        self._wire = wire
        self._fleet = fleet
        self._node = node

    async def put(self, node: str, frame: bytes, ids: tuple[str, ...], seconds: float) -> None:
        """Lay a frame there; NoQueue where the server does not say that it has it."""
        from multifleet.channels.nats_wire import NobodyListens, WireError

        same = sha256(" ".join((self._node, *sorted(ids))).encode()).hexdigest()[:32]
        subject = nats_config.queue_subject(self._fleet, node, self._node)
        try:
            said = read((await self._wire.ask(subject, frame, seconds, {"Nats-Msg-Id": same})).data)
        except NobodyListens:
            raise NoQueue("the server keeps no queue for what this machine sends") from None
        except WireError as error:
            raise NoQueue(f"the queue does not take it: {error}", unknown=True) from None
        except Refused as error:
            if error.code in _NO_ROOM:
                raise NoQueue(f"there is no room in this machine's share of the queue: {error}") from None
            raise NoQueue(f"the queue does not take it: {error}") from None
        if said.get("stream") != nats_config.stream_name(self._fleet, self._node) or not isinstance(
            said.get("seq"), int
        ):
            raise NoQueue("another stream than this machine's own took it", unknown=True)

    async def take_with(self, take: _TAKE, count: Callable[..., None]) -> None:
        """Give what waits for this node to `take`, which says an HTTP status; only then is it gone from the queue."""

        async def came(message: "Msg") -> None:
            if not message.reply.startswith("$JS.ACK."):
                count("nats_not_of_the_queue", reason="no place to acknowledge it")
                return
            status = await take(message.data) if len(message.data) <= FRAME_LIMIT else 413
            if status == 507:
                word = b'-NAK {"delay": %d}' % int(AGAIN_SECONDS * _SECOND)
            else:
                word = b"+ACK" if status in (200, 409) else b"+TERM"
            await self._wire.say(message.reply, word)

        await self._wire.hear(nats_config.waiting_inbox(self._fleet, self._node), came)
