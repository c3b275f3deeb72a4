"""Small questions between nodes beside messages: one frame with one packet, and one frame with what is told.

Each kind of question is a struct of its own, which names what is told in answer.
"""

from typing import Annotated, ClassVar

import msgspec

from multifleet.core.packets import REASON_LIMIT, Answer, Request, RosterAsk, Seconds, Wire, read_any

NAME_PATTERN = "^[a-z0-9_]{1,40}\\Z"


class Question(Wire, frozen=True, kw_only=True):
    """A kind of question; subclasses give it a `tag`, their fields, and the struct that answers it."""

    tells: ClassVar[type[Wire]]
    repeatable: ClassVar[bool] = False
    """Whether a recorded question may be answered once more: where that changes nothing, and only who asked can read
    the answer."""
    lasting: ClassVar[bool] = False
    """Whether it does something that a recorded question must not do once more, also after a restart: its nonce is on
    disk before it is answered."""

    @classmethod
    def word(cls) -> str:
        """Its name on the wire."""
        return str(cls.__struct_config__.tag)


class Ask(Wire, frozen=True, kw_only=True, tag="ask", tag_field="kind"):
    """One question to a peer."""

    time: Seconds
    """The sender's wall clock."""
    what: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    """Which kind."""
    body: msgspec.Raw
    """The question itself."""


class Told(Wire, frozen=True, kw_only=True, tag="told", tag_field="kind"):
    """The answer to one Ask, named by its nonce."""

    re: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
    """The nonce of the question."""
    time: Seconds
    """The answering node's replay clock."""
    body: msgspec.Raw = msgspec.Raw(b"null")
    """What is told; null where it is refused."""
    refusal: Annotated[str, msgspec.Meta(pattern="^[a-z_]{0,40}\\Z")] = ""
    """Why it is not answered; empty where it is."""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    """The same in words."""


def read_asked(data: bytes) -> Request | RosterAsk | Ask:
    """What a peer may ask of this node; NotStrict or BadPacket says why it is none of these."""
    packet: Request | RosterAsk | Ask = read_any(data, Request | RosterAsk | Ask)
    return packet


def read_told(data: bytes) -> Answer | Told:
    """What a peer may answer to an Ask: an Answer where it refuses the whole frame."""
    packet: Answer | Told = read_any(data, Answer | Told)
    return packet
