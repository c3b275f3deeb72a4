"""What a NATS server keeps for machines that are away: one stream for each sender, so that no member's frames take the
place of another's; and a consumer for each machine for which something waits in one.

Made by whoever may: by the chief for all on its own server, by each node for itself on the user's. What belongs to
nobody any more is removed.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from multifleet.channels import nats_config
from multifleet.channels.nats_jetstream import Refused, api
from multifleet.core.packets import EXPIRES_LIMIT

if TYPE_CHECKING:
    from multifleet.channels.nats_library import Msg
    from multifleet.channels.nats_wire import Wire

ACK_SECONDS = 10
"""After which what was not acknowledged is given again."""
AT_ONCE = 4
"""Frames of one sender that are given before the first is acknowledged: so much the server holds for a slow machine."""
SAME_SECONDS = 6 * 3600
"""For so long the same messages are put there once, however often the sender tries again."""
PAGES_LIMIT = 32
PURGES_AT_ONCE = 4
"""Frames of one sender that are given before the first is acknowledged: so much the server holds for a slow machine."""
_SECOND = 10**9
_EXISTS = 10058


class NoQueue(Exception):
    """The frame does not lie in the queue, or there is none; the message says why. `unknown`: it may lie there."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.unknown = unknown


class NatsShares:
    """The streams of one fleet on one connection."""

    def __init__(self, wire: "Wire", fleet: str, *, replicas: int, is_host: bool) -> None:
        """`is_host`: whether this node runs the server, and is told at once of each frame that is laid there."""
        self._wire = wire
        self._fleet = fleet
        self._replicas = replicas
        self._is_host = is_host
        self._prefix = nats_config.stream_name(fleet, "")
        self._given: set[tuple[str, str]] = set()

    async def keep(self, members: Collection[str], is_gone: Callable[[str], bool]) -> str:
        """Have a stream for each member, and give what waits for them; what is of whom `is_gone` is removed.

        Says what went wrong with single streams: a sender may see to it that something does with its own. NoQueue where
        the server keeps none.
        """
        try:
            found = await self._streams()
        except Refused as error:
            raise NoQueue(f"the server keeps no queue: {error}") from None
        for member in members:
            if nats_config.stream_name(self._fleet, member) not in found:
                await self.make(member)
        faults = []
        for name, state in found.items():
            try:
                await self._tend(name, state, members, is_gone)
            except Refused as error:
                faults.append(f"{name.removeprefix(self._prefix)}: {error}")
        return "; ".join(faults[:3])

    async def make(self, sender: str) -> None:
        """The stream for what this member sends, if there is none; NoQueue where the server cannot have it."""
        name, subject = (
            nats_config.stream_name(self._fleet, sender),
            nats_config.queue_subject(self._fleet, "*", sender),
        )
        config: dict[str, Any] = {
            "name": name,
            "subjects": [subject],
            "retention": "workqueue",
            "storage": "file",
            "discard": "new",
            "max_age": EXPIRES_LIMIT * _SECOND,
            "max_bytes": nats_config.SHARE_BYTES,
            "max_msgs": nats_config.SHARE_FRAMES,
            "max_msg_size": nats_config.MAX_PAYLOAD,
            "max_consumers": -1,
            "duplicate_window": SAME_SECONDS * _SECOND,
            "num_replicas": self._replicas,
        }
        if self._is_host:
            told = nats_config.told_subject(self._fleet, "{{wildcard(1)}}", sender)
            config["republish"] = {"src": subject, "dest": told, "headers_only": True}
        try:
            await api(self._wire, f"STREAM.CREATE.{name}", config)
        except Refused as error:
            if error.code != _EXISTS:  # one that was made before, or by the user, is used as it is
                raise NoQueue(f"the server keeps no queue: {error}") from None

    async def hear(self, members: Callable[[], Collection[str]], fault: Callable[[str], None]) -> None:
        """From now on, what is laid there for a member is given to it as soon as it is connected, and not when somebody
        looks for it: where this node runs the server."""
        if not self._is_host:
            return

        async def came(message: "Msg") -> None:
            recipient, sender = message.subject.split(".")[-2:]
            if recipient in members():
                try:
                    await self._let(sender, recipient)
                except Refused as error:
                    fault(f"the server does not give what waits for {recipient}: {error}")

        await self._wire.hear(nats_config.told_subject(self._fleet, "*", "*"), came)

    async def _tend(
        self, name: str, known: dict[str, Any], members: Collection[str], is_gone: Callable[[str], bool]
    ) -> None:
        sender = name.removeprefix(self._prefix) if name.startswith(self._prefix) else ""
        if is_gone(sender):
            try:
                await api(self._wire, f"STREAM.DELETE.{name}")
            finally:  # with the stream its consumers are gone, and who left may come back
                self._given = {given for given in self._given if given[0] != sender}
            return
        if not sender or not (known.get("messages", 1) or known.get("consumer_count")):
            return
        state = await self._state(name)
        if state.get("messages"):
            waiting = _recipients(state)
            for recipient in waiting.intersection(members):
                await self._let(sender, recipient)
            for recipient in list(filter(is_gone, waiting))[:PURGES_AT_ONCE]:
                of_it = nats_config.queue_subject(self._fleet, recipient, sender)
                await api(self._wire, f"STREAM.PURGE.{name}", {"filter": of_it})
        elif state.get("consumer_count"):
            # Nothing waits there. There would be one for each two members that ever missed each other.
            names = (await api(self._wire, f"CONSUMER.NAMES.{name}")).get("consumers")
            for recipient in names if isinstance(names, list) else ():
                if recipient in members or is_gone(recipient):
                    self._given.discard((sender, recipient))
                    await api(self._wire, f"CONSUMER.DELETE.{name}.{recipient}")

    async def _let(self, sender: str, recipient: str) -> None:
        if (sender, recipient) in self._given:
            return
        name = nats_config.stream_name(self._fleet, sender)
        subject = nats_config.queue_subject(self._fleet, recipient, sender)
        config = {
            "name": recipient,
            "durable_name": recipient,
            "deliver_subject": nats_config.waiting_inbox(self._fleet, recipient),
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": ACK_SECONDS * _SECOND,
            "max_ack_pending": AT_ONCE,
            "replay_policy": "instant",
            "filter_subject": subject,
        }
        body = {"stream_name": name, "config": config}
        await api(self._wire, f"CONSUMER.CREATE.{name}.{recipient}.{subject}", body)
        self._given.add((sender, recipient))

    async def _streams(self) -> dict[str, dict[str, Any]]:
        """The streams by name: on a server of our own all that there are, with their state; else those of the fleet."""
        if self._is_host:
            rows = await self._pages("STREAM.LIST", {}, "streams")
            known = [(row.get("config"), row.get("state")) for row in rows if isinstance(row, dict)]
            return {
                str(config.get("name")): state
                for config, state in known
                if isinstance(config, dict) and isinstance(state, dict)
            }
        # A cluster asks each stream's leader for its state, and waits for one that has just died.
        subject = nats_config.queue_subject(self._fleet, "*", "*")
        return {str(name): {} for name in await self._pages("STREAM.NAMES", {"subject": subject}, "streams")}

    async def _pages(self, what: str, body: dict[str, Any], field: str) -> list[Any]:
        found: list[Any] = []
        for _ in range(PAGES_LIMIT):
            said = await api(self._wire, what, body | {"offset": len(found)})
            page, total = said.get(field), said.get("total")
            found += page if isinstance(page, list) else []
            if not page or not isinstance(total, int) or len(found) >= total:
                break
        return found

    async def _state(self, name: str) -> dict[str, Any]:
        subjects = nats_config.queue_subject(self._fleet, "*", "*")
        state = (await api(self._wire, f"STREAM.INFO.{name}", {"subjects_filter": subjects})).get("state")
        return state if isinstance(state, dict) else {}


def _recipients(state: dict[str, Any]) -> set[str]:
    """For whom something waits in a stream."""
    found = state.get("subjects")
    return {subject.split(".")[-2] for subject in found if subject.count(".")} if isinstance(found, dict) else set()
