"""Whose words a message is: a person's only where a signature by a key that this user has allowed proves it.

What a peer's daemon says of that is not believed. It never signs anything.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from multifleet.core import packets
from multifleet.core.fence import Authority
from multifleet.core.frame import WINDOW
from multifleet.core.limits import TokenBucket
from multifleet.core.packets import Message
from multifleet.core.person import BadSignature, read_signature, signed_words
from multifleet.node.authority.ssh_keygen import NotProved, signer_of
from multifleet.store.rows import InboxRow

SPREAD = packets.EXPIRES_LIMIT
"""Seconds that a signature may be old when its message comes: whoever keeps one cannot use it for ever."""
A_MINUTE = 60
"""Signatures of one member that are looked at when they come, so that none keeps the others' waiting."""
UNPROVED = (
    f"its sender's signatures came faster than {A_MINUTE} a minute: it is shown as an agent's "
    "(multifleet verify looks at it)"
)
"""What a sender is told, with `stored`, of a signature that was not looked at."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found out about a message's signature."""

    signer: str
    """Whose it is; empty where that is not proved."""
    fingerprint: str
    """Of the key that it claims; empty where there is no signature."""
    reason: str
    """Why it is not proved; empty where it is."""


class Persons:
    """One for the node."""

    def __init__(
        self, allowed: Path, fleet: Callable[[], str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`allowed` is the user's file of allowed signers, read anew each time; `fleet` says in which this node is."""
        self._allowed = allowed
        self._fleet = fleet
        self._monotonic = monotonic
        self._one = asyncio.Semaphore(1)
        self._left: defaultdict[str, TokenBucket] = defaultdict(lambda: TokenBucket(A_MINUTE, A_MINUTE / 60))

    async def examine(self, message: Message, at: float) -> Proof:
        """Whether a person whom this user allows now has signed it; `at` is when it came, in wall-clock seconds."""
        if message.signature is None or message.signed_at is None:
            return Proof("", "", "nobody signed it")
        try:
            claimed = read_signature(message.signature)
        except BadSignature as error:
            return Proof("", "", str(error))
        if abs(at - message.signed_at) > SPREAD:
            return Proof("", claimed.fingerprint, "it was signed more than 30 days before it came, or after")
        if at > message.expires + WINDOW:
            return Proof("", claimed.fingerprint, "it came after the time for which it was signed")
        words = signed_words(message, self._fleet())
        try:
            async with self._one:
                signer = await asyncio.to_thread(signer_of, self._allowed, claimed, message.signature, words)
        except NotProved as error:
            return Proof("", claimed.fingerprint, str(error))
        return Proof(signer, claimed.fingerprint, "")

    async def proved(self, row: InboxRow, packet: bytes) -> InboxRow:
        """A row as it is to be stored: a person's where that is proved, else an agent's; with its packet if signed."""
        if row.authority != Authority.HUMAN:
            return row
        message = packets.read(packet, Message)
        if message.signature is not None and self._left[row.sender].take(self._monotonic()) > 0.0:
            return msgspec.structs.replace(
                row, authority=Authority.AGENT.value, signer="", packet=packet, detail=UNPROVED
            )
        proof = await self.examine(message, row.stored_at)
        return msgspec.structs.replace(
            row,
            authority=Authority.HUMAN.value if proof.signer else Authority.AGENT.value,
            signer=proof.signer,
            packet=packet if message.signature is not None else None,
        )
