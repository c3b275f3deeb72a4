"""What presence says over UDP: one form, `Gossip`, and the parts it may carry. Written short, as arrays.

Nothing here decides anything; `packets.write` and `packets.read` turn it into bytes and back, strictly.
"""

from typing import Annotated, Literal

import msgspec

from multifleet.core.ids import NODE_PATTERN, SEAT_PATTERN
from multifleet.core.packets import Milliseconds, Sequence, Wire

SEATS_SHOWN, DOING_SHOWN = 4, 32
RUMORS_LIMIT, DOCUMENTS_LIMIT = 8, 4
DOCUMENT_LIMIT = 640
"""Bytes of a document that a datagram may carry; longer ones travel over HTTP alone."""
PACKET_LIMIT = 900
"""Bytes of a packet that, with its frame, stay below every path's MTU (1,200 with the longest names)."""

Node = Annotated[str, msgspec.Meta(pattern=f"^{NODE_PATTERN}\\Z")]
NodeOrNone = Annotated[str, msgspec.Meta(pattern=f"^(?:{NODE_PATTERN})?\\Z")]
SignatureOrNone = Annotated[str, msgspec.Meta(pattern="^(?:[0-9a-f]{128})?\\Z")]
Seat = Annotated[str, msgspec.Meta(pattern=f"^{SEAT_PATTERN}\\Z")]
Slept = Annotated[int, msgspec.Meta(ge=0, le=10**9)]

Kind = Literal["ping", "ack", "ask", "told", "news"]
Word = Literal["suspect", "alive", "asleep", "stopped"]


class Facts(Wire, frozen=True, kw_only=True, array_like=True):
    """What a node shows of itself to the others; a hint and nothing more."""

    version: Annotated[str, msgspec.Meta(max_length=40)]
    """Of the program."""
    branch: Annotated[str, msgspec.Meta(max_length=60)]
    """Of git, where the node's work is; empty where there is none."""
    commit: Annotated[str, msgspec.Meta(max_length=40)]
    """Of git, shortened."""
    sessions: Annotated[int, msgspec.Meta(ge=0, le=10**6)]
    """Agent sessions that live."""
    seats: Annotated[list[Seat], msgspec.Meta(max_length=SEATS_SHOWN)]
    """The first of their seats."""
    load: Annotated[float, msgspec.Meta(ge=0, le=10**4)]
    """Of one minute, divided by the processors."""
    disk: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    """Megabytes free where the store is."""
    doing: Annotated[str, msgspec.Meta(pattern=f"^[ibwu]{{0,{DOING_SHOWN}}}\\Z")] = ""
    """What its sessions do, a letter for each in the order of their cards: idle, busy, waiting, unknown; empty where
    there are more of them."""


class Rumor(Wire, frozen=True, kw_only=True, array_like=True):
    """A word about one node: `suspect` is anybody's hint, the others are the node's own signed statements."""

    word: Word
    """What is said."""
    about: Node
    """Of whom."""
    incarnation: Milliseconds
    """Of that node. A statement counts where this is higher than all before."""
    slept: Slept = 0
    """Seconds that it has just slept; part of the statement."""
    signature: SignatureOrNone = ""
    """Of a statement, by the node that it is about; empty for `suspect`."""


class Document(Wire, frozen=True, kw_only=True, array_like=True):
    """A signed text of the roster, passed on as it is."""

    text: Annotated[str, msgspec.Meta(max_length=DOCUMENT_LIMIT)]
    """Its exact text."""
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}\\Z")]
    """Of the text's bytes."""


class Gossip(Wire, frozen=True, kw_only=True, array_like=True):
    """One datagram's packet. (boot, count) never comes twice from one node, so that an old one is worth nothing."""

    kind: Kind
    """`ping` wants an `ack`; `ask` wants a third node pinged, `told` says that it answered; `news` wants nothing."""
    boot: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}\\Z")]
    """Random for each start of the daemon."""
    count: Sequence
    """Grows with each packet of a boot, from a random beginning."""
    re: Sequence
    """Of `ack`: the count of the ping. Of `ask`, `told` and a ping on behalf of another: the number that the asker
    chose. Else 0."""
    incarnation: Milliseconds
    """The sender's own."""
    digest: Annotated[str, msgspec.Meta(pattern="^(?:[0-9a-f]{16})?\\Z")] = ""
    """Of pings: of the sender's roster; empty where it says nothing."""
    about: NodeOrNone = ""
    """Of `ask` and `told`: the third node. Of a ping on behalf of another and of its ack: who asked."""
    proof: SignatureOrNone = ""
    """Of the ack to such a ping, and of `told`: the third node's signature of its answer to the asker's number."""
    facts: Facts | None = None
    """The sender's own."""
    rumors: Annotated[list[Rumor], msgspec.Meta(max_length=RUMORS_LIMIT)] = msgspec.field(default_factory=list)
    """Words about other nodes, or about the sender."""
    documents: Annotated[list[Document], msgspec.Meta(max_length=DOCUMENTS_LIMIT)] = msgspec.field(default_factory=list)
    """News of the roster."""
