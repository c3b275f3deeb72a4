"""What nodes say to each other to wake one that sleeps: only a machine on its own network segment can."""

from typing import Annotated, ClassVar

import msgspec

from multifleet.core.asks import Question
from multifleet.core.ids import NODE_PATTERN
from multifleet.core.packets import Wire

NodeName = Annotated[str, msgspec.Meta(pattern=f"^{NODE_PATTERN}\\Z")]
Mac = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2}(:[0-9a-f]{2}){5})?\\Z")]


class WakeTold(Wire, frozen=True, kw_only=True):
    """The answer to one WakeAsk."""

    near: bool
    """Whether the node is on the sleeper's segment, and knows its card, both by itself."""
    mac: Mac = ""
    """The card, where it is."""
    sent: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    """Packets that were sent."""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Why none was, in words."""


class WakeAsk(Question, frozen=True, kw_only=True, tag="wake"):
    """ "Are you on the network segment of this member that sleeps, and will you wake it?" It names no card and no
    address: nobody has packets sent to a machine of his choice."""

    tells: ClassVar[type[Wire]] = WakeTold
    lasting: ClassVar[bool] = True

    node: NodeName
    """Who sleeps."""
    send: bool = False
    """Whether to send the packets now; else it is only asked who could."""
