"""Frames for machines that are away, in a JetStream stream: one for the fleet, one consumer for each member.

What lies there is a copy: the sender keeps its row until the recipient has signed for it, whatever becomes of the
stream. Each frame is acknowledged to the server after it was committed or refused, not when it came.
"""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from multifleet.channels import nats_config
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.packets import EXPIRES_LIMIT

if TYPE_CHECKING:
    from multifleet.channels.nats_library import Msg
    from multifleet.channels.nats_wire import Wire

ANSWER_SECONDS = 2.0
ACK_SECONDS = 10
"""After which what was not acknowledged is given again."""
AGAIN_SECONDS = 10
"""The same for what this node could not write at the moment."""
AT_ONCE = 32
SAME_SECONDS = 6 * 3600
"""For so long the same messages are put there once, however often the sender tries again."""
_SECOND = 10**9
_EXISTS = 10058
_TAKE = Callable[[bytes], Awaitable[int]]


class NoQueue(Exception):
    """The frame does not lie in the queue; the message says why."""


class NatsQueue:
    """The queue of one fleet on one connection, for one node."""

    def __init__(self, wire: "Wire", fleet: str, node: str) -> None:
        self._wire = wire
        self._fleet = fleet
        self._node = node
        self._stream = nats_config.stream_name(fleet)

    async def make(self, replicas: int) -> None:
        """The stream, if there is none; NoQueue where the server cannot have one."""
        config: dict[str, Any] = {
            "name": self._stream,
            "subjects": [nats_config.queue_subject(self._fleet, "*")],
            "retention": "workqueue",
            "storage": "file",
            "discard": "new",
            "discard_new_per_subject": True,
            "max_age": EXPIRES_LIMIT * _SECOND,
            "max_bytes": nats_config.QUEUES_BYTES,
            "max_msgs_per_subject": nats_config.QUEUE_FRAMES,
            "max_msg_size": nats_config.MAX_PAYLOAD,
            "max_consumers": -1,
            "duplicate_window": SAME_SECONDS * _SECOND,
            "num_replicas": replicas,
        }
        try:
            await self._api(f"STREAM.CREATE.{self._stream}", config)
        except _Refused as error:
            if error.code != _EXISTS:  # one that was made before, or by the user, is used as it is
                raise NoQueue(f"the server keeps no queue: {error}") from None

    async def let(self, node: str) -> None:
        """What waits for this node is given to it from now on, whenever it is connected."""
        subject = nats_config.queue_subject(self._fleet, node)
        config = {
            "name": node,
            "durable_name": node,
            "deliver_subject": self._inbox(node),
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": ACK_SECONDS * _SECOND,
            "max_ack_pending": AT_ONCE,
            "replay_policy": "instant",
            "filter_subject": subject,
        }
        try:
            await self._api(
                f"CONSUMER.CREATE.{self._stream}.{node}.{subject}",
                {"stream_name": self._stream, "config": config},
            )
        except _Refused as error:
            raise NoQueue(f"the server does not give what waits for {node}: {error}") from None

    async def put(self, node: str, frame: bytes, ids: tuple[str, ...], seconds: float) -> None:
        """Lay a frame there; NoQueue where the server does not say that it has it."""
        from multifleet.channels.nats_wire import WireError

        same = sha256(" ".join((self._node, *sorted(ids))).encode()).hexdigest()[:32]
        try:
            subject = nats_config.queue_subject(self._fleet, node)
            said = _read((await self._wire.ask(subject, frame, seconds, {"Nats-Msg-Id": same})).data)
        except (WireError, _Refused) as error:
            raise NoQueue(f"the queue does not take it: {error}") from None
        if said.get("stream") != self._stream or not isinstance(said.get("seq"), int):
            raise NoQueue("another stream than the fleet's own took it")

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

        await self._wire.hear(self._inbox(self._node), came)

    def _inbox(self, node: str) -> str:
        return f"{nats_config.inbox(node)}.q.{self._stream}"

    async def _api(self, what: str, body: object) -> None:
        from multifleet.channels.nats_wire import WireError

        try:
            message = await self._wire.ask(f"$JS.API.{what}", json.dumps(body).encode(), ANSWER_SECONDS)
        except WireError as error:
            raise _Refused(0, f"{error}") from None
        _read(message.data)


class _Refused(Exception):
    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def _read(data: bytes) -> dict[str, Any]:
    """What JetStream answered; _Refused where it is an error, or no answer of it at all."""
    try:
        said = json.loads(data[:65_536])
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise _Refused(0, "it answers in another language")
    if isinstance(error := said.get("error"), dict):
        raise _Refused(error.get("err_code", 0), str(error.get("description", ""))[:200])
    return said
