"""The named repairs, and how a node asks another one for them. Which repair follows from a broken channel stands in
fixed lists here: what a peer says of it is shown to people and decides nothing.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from multifleet.core.asks import Question
from multifleet.core.packets import Wire


class Repair(StrEnum):
    """What a node can do on its own machine about a channel."""

    RENEW = "renew"  # the channel's own clients, servers and kept connections are made anew
    RELISTEN = "relisten"  # the HTTP listener is bound again where it does not answer
    ANNOUNCE = "announce"  # own addresses are looked at again, and told


ADDRESS_LIMIT = 300
"""Characters of "host:port"."""
REPAIRS: dict[str, tuple[Repair, ...]] = {
    "nats": (Repair.RENEW,),
    "http": (Repair.RELISTEN, Repair.ANNOUNCE, Repair.RENEW),
    "relay": (Repair.RELISTEN, Repair.RENEW),
    "seed": (Repair.RENEW,),
    "ssh": (Repair.RENEW,),
    "memory": (Repair.RENEW,),
}
"""Channel: what its target does about it when it is told."""


class RepairTold(Wire, frozen=True, kw_only=True):
    """What the target says to a RepairAsk."""

    acted: bool
    """Whether it does, or has just done, something about it, so that it is worth waiting for."""
    done: Annotated[list[Annotated[str, msgspec.Meta(max_length=300)]], msgspec.Meta(max_length=32)]
    """What it did, in words."""
    addresses: Annotated[list[Annotated[str, msgspec.Meta(max_length=ADDRESS_LIMIT)]], msgspec.Meta(max_length=16)]
    """Where it may be reached at present."""


class RepairAsk(Question, frozen=True, kw_only=True, tag="repair"):
    """ "These channels to you are broken, while this one works: do what you can about it." """

    tells: ClassVar[type[Wire]] = RepairTold
    lasting: ClassVar[bool] = True

    channels: Annotated[list[Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,20}\\Z")]], msgspec.Meta(max_length=8)]
    """Which."""
    evidence: Annotated[str, msgspec.Meta(max_length=300)] = ""
    """How that is known there, in words; for people."""
