"""Join codes: an address and 80 random bits, short enough to be typed.

    code = base32( version, family, IP address, port, secret ) and a check character (Luhn, modulo 32)

The alphabet is Crockford's: no I, L, O, U; what is typed for them is read as 1, 1, 0 and refused. With 80 bits and ten
minutes nobody guesses one, so the two sides prove that they know it with plain MACs.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_VERSION = 1
SECRET_BYTES = 10
INVITE_LIFETIME = 600.0
"""Seconds."""


class BadCode(ValueError):
    """The text is not a join code, or was mistyped."""


@dataclass(frozen=True, slots=True)
class Invite:
    """What a code says. The repr keeps the secret."""

    host: str
    port: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Invite({self.host}:{self.port})"


def write_code(invite: Invite) -> str:
    """The code, in groups of five with dashes."""
    address = ipaddress.ip_address(invite.host).packed
    data = (
        bytes([_VERSION << 4 | len(address) // 4]) + address + invite.port.to_bytes(2, "big") + invite.secret
    )
    bits = len(data) * 8
    number = int.from_bytes(data, "big") << (-bits % 5)
    count = (bits + 4) // 5
    values = [number >> 5 * (count - 1 - place) & 31 for place in range(count)]
    letters = "".join(_ALPHABET[value] for value in [*values, _check(values)])
    return "-".join(letters[at : at + 5] for at in range(0, len(letters), 5))


def read_code(text: str) -> Invite:
    """Read what somebody typed; BadCode says what to do."""
    letters = [letter for letter in text.upper() if letter not in "- \t\r\n"]
    if not letters:
        raise BadCode("there is no join code: give the one that `multifleet invite` shows on the other machine")
    try:
        values = [_VALUE[letter] for letter in letters]
    except KeyError as error:
        raise BadCode(f"a join code has no {error.args[0]!r}: copy it again from the other machine") from None
    if len(values) < 2 or _check(values[:-1]) != values[-1]:
        raise BadCode("the join code was mistyped: copy it again from the other machine")
    number = 0
    for value in values[:-1]:
        number = number << 5 | value
    bits = 5 * (len(values) - 1)
    data = (number >> bits % 8).to_bytes(bits // 8, "big")
    size = (data[0] & 15) * 4 if data else 0
    if not data or data[0] >> 4 != _VERSION or size not in (4, 16) or len(data) != 1 + size + 2 + SECRET_BYTES:
        raise BadCode(
            "this join code is of another version of multifleet: use the same version on both machines"
        )
    host = str(ipaddress.ip_address(data[1 : 1 + size]))
    return Invite(host, int.from_bytes(data[1 + size : 3 + size], "big"), data[3 + size :])


def join_key(secret: bytes, kind: str) -> bytes:
    """The key of a join ("join", from a code) or of a hello ("hello", from the fleet's shared key)."""
    return hmac.digest(hmac.digest(bytes(32), secret, "sha256"), f"mf1 {kind}".encode() + b"\x01", "sha256")


def join_mac(key: bytes, side: str, data: bytes) -> str:
    """64 hex digits; side "j" is the joiner's, "i" the inviter's."""
    return hmac.digest(key + side.encode(), data, "sha256").hex()


def fleet_of_key(shared: bytes) -> str:
    """The fleet id (32 hex digits) of machines that share a configured key."""
    return hashlib.sha256(b"mf1 fleet" + shared).digest()[:16].hex()


def _check(values: list[int]) -> int:
    """Luhn's algorithm modulo 32: catches every single wrong character."""
    total = 0
    for place, value in enumerate(reversed(values)):
        doubled = value * (2 - place % 2)
        total += doubled // 32 + doubled % 32
    return -total % 32
