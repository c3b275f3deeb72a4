"""What nodes ask each other for a diagnosis: how a node is, and whether it hears a third one.

Words from short lists, numbers and addresses only: nothing in it is anybody's text.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from multifleet.core.asks import Question
from multifleet.core.ids import NODE_PATTERN
from multifleet.core.packets import Wire

PAD_LIMIT = 8_192
ADDRESSES_LIMIT = 16

Node = Annotated[str, msgspec.Meta(pattern=f"^{NODE_PATTERN}\\Z")]
Place = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z.:%_\\[\\]-]{1,128}\\Z")]
Places = Annotated[list[Place], msgspec.Meta(max_length=ADDRESSES_LIMIT)]
PlaceOrNone = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z.:%_\\[\\]-]{0,128}\\Z")]
Span = Annotated[float, msgspec.Meta(ge=0, le=10**10)]
Pad = Annotated[str, msgspec.Meta(pattern=f"^x{{0,{PAD_LIMIT}}}\\Z")]
ChannelState = Literal["untried", "healthy", "degraded", "broken", "healing"]
Step = Annotated[float, msgspec.Meta(ge=-(10**12), le=10**12)]
Version = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z.+-]{0,40}\\Z")]


class EvidenceTold(Wire, frozen=True, kw_only=True):
    """How the node is that answers, and how it sees the one that asks."""

    running: bool
    """Whether its daemon answers; else a program that holds the store while there is none."""
    uptime: Span
    """Seconds since it started."""
    version: Version
    """Of the program."""
    store: Literal["ok", "full", "read_only", "broken"]
    """Whether it can write what it is given."""
    disk_free: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    """Megabytes."""
    step: Step = 0.0
    """Seconds by which the machine's clock is ahead of the node's, which is never set back and does not jump."""
    addresses: Places = msgspec.field(default_factory=list)
    """Where it may be reached."""
    listens: Places = msgspec.field(default_factory=list)
    """Those of them at which it has just reached itself."""
    reaches: Literal["", "open", "refused", "no answer", "no route", "unknown name"] = ""
    """The best end of its connections to the asker, tried now where it was met before; empty where it did not try."""
    tried: Places = msgspec.field(default_factory=list)
    """Those addresses."""
    failures: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    """Of its direct channel to the asker, in a row."""
    heard: Span | None = None
    """Seconds since it heard the asker."""
    channels: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern="^[a-z]{1,16}\\Z")], ChannelState], msgspec.Meta(max_length=16)
    ] = msgspec.field(default_factory=dict)
    """Its channels to the asker."""
    pad: Pad = ""
    """As much of nothing as was wanted."""


class EvidenceAsk(Question, frozen=True, kw_only=True, tag="evidence"):
    """How are you, and how do you see this node?"""

    tells: ClassVar[type[Wire]] = EvidenceTold
    repeatable: ClassVar[bool] = True

    look: bool = False
    """Whether it shall try its own addresses, and those at which the asker has answered it before."""
    pad: Pad = ""
    """Nothing; to see what becomes of large questions."""
    want: Annotated[int, msgspec.Meta(ge=0, le=PAD_LIMIT)] = 0
    """How much of nothing is wanted back."""


class SightTold(Wire, frozen=True, kw_only=True):
    """What a member knows of a third one."""

    heard: Literal["yes", "no", "asleep", "unknown"]
    """`yes`: a moment ago; `asleep`: it has signed that it sleeps; `unknown`: it is no member here."""
    seconds: Span | None = None
    """Since it was heard."""
    address: PlaceOrNone = ""
    """From where."""
    answers: bool | None = None
    """Whether its direct channel works."""
    stranger: bool = False
    """Whether it is answered as a stranger there."""


class SightAsk(Question, frozen=True, kw_only=True, tag="sight"):
    """Do you hear that node now?"""

    tells: ClassVar[type[Wire]] = SightTold
    repeatable: ClassVar[bool] = True

    about: Node
    """That node."""
