"""What a relay and those whose mail it holds say to each other: questions in the frames of any channel that answers.

The frames inside stay as their sender sealed them for their recipient: who passes one on reads its first line alone.
"""

import hashlib
from base64 import b64decode, b64encode
from typing import Annotated, ClassVar, Literal

import msgspec

from multifleet.core.asks import Question
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.packets import EXPIRES_LIMIT, REASON_LIMIT, BadPacket, Wire

INNER_LIMIT = (FRAME_LIMIT - 4096) // 4 * 3
"""Bytes of a frame that travels inside another one: as text it is a third longer."""
TEXT_LIMIT = INNER_LIMIT // 3 * 4
"""Characters of it, and of all frames together that one question or answer carries."""
FRAMES_LIMIT = 64
"""Frames in one question or answer."""
WAIT_LIMIT = 30
"""Seconds that a question may wait for mail."""

FrameText = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
Mark = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
PortNumber = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Held(Wire, frozen=True, kw_only=True, array_like=True):
    """A frame that is passed on."""

    mark: Mark
    """What it is called between these two: the beginning of its SHA-256."""
    frame: FrameText
    """The frame, in base64."""


class Taken(Wire, frozen=True, kw_only=True, array_like=True):
    """What its recipient did with one."""

    mark: Mark
    """Which."""
    done: bool
    """Whether the relay may forget it; if not, it is offered again later."""
    answer: FrameText = ""
    """The recipient's answer frame for the sender, in base64; empty where there is none, or no room for it."""


class RelayTook(Wire, frozen=True, kw_only=True):
    """What became of a frame that was handed to a relay."""

    outcome: Literal["answered", "parked", "refused"]
    """The recipient answered; or it is on the relay's disk; or neither."""
    answer: FrameText = ""
    """The recipient's answer frame, in base64."""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    """Why it was refused."""
    hears: bool = True
    """Whether the relay hears the recipient itself."""
    port: PortNumber = 0
    """Where the relay takes frames beside its usual port; 0: nowhere."""


class RelayPut(Question, frozen=True, kw_only=True, tag="relay_put"):
    """Pass this frame on, or keep it for its recipient."""

    tells: ClassVar[type[Wire]] = RelayTook

    frame: FrameText
    """Sealed by who asks for a member, in base64."""
    keep: Annotated[int, msgspec.Meta(ge=0, le=EXPIRES_LIMIT)]
    """Seconds that it may be kept; 0: pass it on now or not at all."""
    patience: Annotated[int, msgspec.Meta(ge=0, le=WAIT_LIMIT * 1000)]
    """Milliseconds that the recipient has to answer before the frame is kept."""
    unheard: bool = False
    """Whether it is to be kept also if the relay does not hear the recipient."""


class RelayGives(Wire, frozen=True, kw_only=True):
    """What a relay holds for who asked."""

    frames: Annotated[list[Held], msgspec.Meta(max_length=FRAMES_LIMIT)] = msgspec.field(default_factory=list)
    """The oldest first."""
    port: PortNumber = 0
    """Where the relay takes frames beside its usual port; 0: nowhere."""


class RelayPoll(Question, frozen=True, kw_only=True, tag="relay_poll"):
    """What is there for me? With what became of the frames of the answer before."""

    tells: ClassVar[type[Wire]] = RelayGives

    wait: Annotated[int, msgspec.Meta(ge=0, le=WAIT_LIMIT)] = 0
    """Seconds to wait for mail if there is none."""
    taken: Annotated[list[Taken], msgspec.Meta(max_length=FRAMES_LIMIT)] = msgspec.field(default_factory=list)
    """What became of frames that were got before."""


class RelayPassed(Wire, frozen=True, kw_only=True):
    """What the recipient did with frames that a relay brought it."""

    taken: Annotated[list[Taken], msgspec.Meta(max_length=FRAMES_LIMIT)] = msgspec.field(default_factory=list)
    """One for each."""


class RelayPass(Question, frozen=True, kw_only=True, tag="relay_pass"):
    """These frames are for you."""

    tells: ClassVar[type[Wire]] = RelayPassed

    frames: Annotated[list[Held], msgspec.Meta(max_length=FRAMES_LIMIT)]
    """The oldest first."""


def packed(frame: bytes) -> str:
    """A frame as text."""
    return b64encode(frame).decode()


def unpacked(text: str) -> bytes:
    """The frame in a text; BadPacket where there is none."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise BadPacket("a frame inside is not base64") from None


def mark_of(frame: bytes) -> str:
    """What relay and recipient call a frame."""
    return hashlib.sha256(frame).hexdigest()[:32]


def within_room(taken: list[Taken]) -> list[Taken]:
    """The same, without the answers that one frame has no room for."""
    room, kept = TEXT_LIMIT - 128 * len(taken), []
    for one in taken:
        room -= len(one.answer)
        kept.append(one if room >= 0 else msgspec.structs.replace(one, answer=""))
    return kept
