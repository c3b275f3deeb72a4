"""Both halves of what nodes say to each other: making requests and answers, and opening them.

Every frame carries how far this node has the other's receipt log on disk (`have`) and the lines of its own log that
the other has not confirmed. Nothing acknowledges a receipt, and a lost one is simply sent again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from multifleet.core import asks, frame, packets
from multifleet.core.frame import FrameRefused, Header, Refusal
from multifleet.core.keys import PairKeys
from multifleet.core.packets import Answer, BadPacket, PacketAnswer, Request, RosterTell, Statement
from multifleet.core.receipts import state_it
from multifleet.core.relay_packets import INNER_LIMIT
from multifleet.core.strict import NotStrict
from multifleet.node.clock import NodeClock
from multifleet.node.members import Member
from multifleet.node.randomness import Randomness
from multifleet.store.rows import LogRow

LOG_BYTES = 200_000
"""Of details in one frame, as they are written."""
STATEMENT_BYTES = 224
"""Of one statement beside its detail, at the most."""
REST_BYTES = 1_024
"""Of a frame beside packets and statements, at the most."""
assert packets.BATCH_BYTES + packets.LOG_LIMIT * STATEMENT_BYTES + 6 * packets.DETAIL_LIMIT + REST_BYTES < INNER_LIMIT

Told = TypeVar("Told", bound=Answer | RosterTell | asks.Told)


class NotAnswered(Exception):
    """What came back is not this peer's answer to this request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way."""

    frame: bytes
    nonce: str
    last_seq: int
    """The last line of our log that it carries."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Speaks for this node."""

    node: str
    clock: NodeClock
    have: Callable[[str], int]
    """How far a peer's log is on disk here."""
    random: Randomness = field(default_factory=Randomness)
    proved: Callable[[str, str], None] = lambda node, kid: None
    """Told the key id of each answer that was authentic."""

    def request(self, member: Member, batch: Sequence[bytes], log: Sequence[LogRow], attempt: int) -> Asked:
        """A fresh frame with packets and statements for a peer."""
        statements = self.statements(member.outgoing, member, log, sum(map(len, batch)))
        request = Request(
            time=int(self.clock.now()),
            have=self.have(member.node),
            log=statements,
            packets=[msgspec.Raw(packet) for packet in batch],
            attempt=attempt,
        )
        made, nonce = self.ask(member, request)
        return Asked(made, nonce, statements[-1].seq if statements else 0)

    def ask(self, member: Member, packet: packets.Wire) -> tuple[bytes, str]:
        """A fresh frame with any packet, stamped with the peer's clock as far as it is known; and its nonce."""
        nonce = self.random.take(16)
        sent = max(0, int(self.clock.now() + member.ahead))
        return frame.seal(member.outgoing, self.node, member.node, sent, nonce, packets.write(packet)), nonce.hex()

    def answer(
        self,
        member: Member,
        to: Header,
        *,
        log: Sequence[LogRow] = (),
        answers: Sequence[PacketAnswer] = (),
        refusal: Refusal | None = None,
        reason: str = "",
    ) -> bytes:
        """The signed answer to a frame that this peer sent, under the same pair of keys: the peer can open that."""
        keys = member.ring.reply(to.kid)
        now = int(self.clock.now())
        answer = Answer(
            re=to.nonce,
            time=now,
            have=self.have(member.node),
            log=self.statements(keys, member, log),
            answers=list(answers),
            refusal=refusal.value if refusal else "",
            reason=reason[: packets.REASON_LIMIT],
        )
        return frame.seal(keys, self.node, member.node, now, self.random.take(16), packets.write(answer))

    def tell(self, member: Member, to: Header, packet: packets.Wire) -> bytes:
        """The signed answer to a frame of another kind, under the same pair of keys."""
        keys, now = member.ring.reply(to.kid), int(self.clock.now())
        return frame.seal(keys, self.node, member.node, now, self.random.take(16), packets.write(packet))

    def open_answer(self, member: Member, asked: Asked, data: bytes) -> Answer:
        """The peer's answer to this very request; NotAnswered where it is something else."""
        if member.removed:
            raise NotAnswered(f"{member.node} is no member any more")
        return self.open_told(member, asked.nonce, data, _read_answer)

    def open_told(self, member: Member, nonce: str, data: bytes, read: Callable[[bytes], Told]) -> Told:
        """What a peer, or one that was put out just now, answered to the frame with this nonce; else NotAnswered."""

        def keys(sender: str, kid: str) -> PairKeys | None:
            return member.ring.find(kid) if sender == member.node else None

        try:
            opened = frame.open_frame(data, self.node, keys, now=None)
            answer = read(opened.packet)
        except (FrameRefused, NotStrict, BadPacket) as error:
            raise NotAnswered(f"the answer is not {member.node}'s ({error})") from None
        if answer.re != nonce:
            raise NotAnswered(f"{member.node} answered another request")
        self.proved(member.node, opened.header.kid)
        return answer

    def statements(self, keys: PairKeys, member: Member, log: Sequence[LogRow], beside: int = 0) -> list[Statement]:
        """Lines of the receipt log under this node's MAC, as many as one frame takes beside so many bytes of packets,
        if it is to fit into a frame for a relay."""
        said: list[Statement] = []
        if not log:
            return said
        log = log[: packets.LOG_LIMIT]
        room = min(LOG_BYTES, INNER_LIMIT - REST_BYTES - beside - len(log) * STATEMENT_BYTES)
        for row in log:
            room -= len(msgspec.json.encode(row.detail)) if row.detail else 0
            if room < 0 and said:
                break
            said.append(self._statement(keys, member, row))
        return said

    def _statement(self, keys: PairKeys, member: Member, row: LogRow) -> Statement:
        return state_it(
            keys.receipt,
            self.node,
            member.node,
            seq=row.seq,
            id=row.message_id,
            state=row.state,
            at=row.at,
            channel=row.channel or "",
            attempt=row.attempt,
            detail=(row.detail or "")[: packets.DETAIL_LIMIT],
        )


def _read_answer(packet: bytes) -> Answer:
    return packets.read(packet, Answer)
