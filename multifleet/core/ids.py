"""Names of nodes, seats and messages: their shape is checked before they are used for anything."""

import re
from dataclasses import dataclass

NODE_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
SEAT_PATTERN = r"[a-z0-9][a-z0-9._-]{0,62}"
ID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ADDRESS_PATTERN = rf"{NODE_PATTERN}(?:/{SEAT_PATTERN})?"

_NODE = re.compile(NODE_PATTERN)
_ID = re.compile(ID_PATTERN)
_SEAT = re.compile(SEAT_PATTERN)
_ADDRESS = re.compile(rf"({NODE_PATTERN})(?:/({SEAT_PATTERN}))?")


class BadId(ValueError):
    """A name does not have the shape of one."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message goes: a node, and there a seat (None: the node's default seat)."""

    node: str
    seat: str | None = None

    def __str__(self) -> str:
        return f"{self.node}/{self.seat}" if self.seat else self.node

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `node` or `node/seat`; BadId says what shape is expected."""
        match = _ADDRESS.fullmatch(text)
        if not match:
            raise BadId(
                "an address is NODE or NODE/SEAT: lower-case letters, digits and '-' (seats also '.' and '_'), "
                "at most 63 characters each"
            )
        return cls(match[1], match[2])


def is_node_id(text: str) -> bool:
    """Whether the text has the shape of a node id."""
    return _NODE.fullmatch(text) is not None


def is_seat_name(text: str) -> bool:
    """Whether the text has the shape of a seat's name."""
    return _SEAT.fullmatch(text) is not None


def is_message_id(text: str) -> bool:
    """Whether the text is a UUID in canonical lower-case form."""
    return _ID.fullmatch(text) is not None


def message_id(milliseconds: int, random: bytes) -> str:
    """A UUID version 7 (RFC 9562, section 5.7) from a wall-clock time and 10 random bytes."""
    number = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(random[:10], "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
