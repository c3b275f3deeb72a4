"""Knocks at another machine's door: brings one half of a handshake there and takes the other half home."""

import asyncio
from collections.abc import Sequence

import msgspec

from multifleet.channels.http_connection import Broken, Connection, in_words
from multifleet.config import split_address
from multifleet.core.visible import visible
from multifleet.errors import (
    BadInput,
    FleetConflict,
    InviteExpired,
    InviteWrong,
    KeyChanged,
    MultifleetError,
    NotEntitled,
    PeerUnreachable,
    Revoked,
)

TRY_SECONDS = 5.0
"""For each address."""

_KINDS: dict[str, type[MultifleetError]] = {
    kind.code: kind
    for kind in (InviteWrong, InviteExpired, FleetConflict, KeyChanged, BadInput, NotEntitled, Revoked)
}


async def post_first(addresses: Sequence[str], data: bytes) -> tuple[bytes, str]:
    """The first answer, and the address that gave it; what the other machine refuses is raised as it was there."""
    reasons = []
    for address in addresses:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return await _post(address, data), address
        except TimeoutError:
            reasons.append(f"{address}: no answer in {TRY_SECONDS:g} s")
        except (Broken, OSError, PeerUnreachable, ValueError) as error:
            reasons.append(f"{address}: {in_words(error)}")
    raise PeerUnreachable(
        f"no answer ({'; '.join(reasons)}): is multifleet up there, and are both machines in one network? "
        "another address can be given with --at HOST:PORT"
    )


async def _post(address: str, data: bytes) -> bytes:
    connection = await Connection.connect(*split_address(address), address)
    try:
        status, answer = await connection.ask("/join", data)
    finally:
        connection.close()
    if status != 200:
        raise _told(status, answer)
    return answer


def _told(status: int, answer: bytes) -> MultifleetError:
    try:
        told = msgspec.json.decode(answer)["error"]
        code, words = str(told["code"]), visible(str(told["message"])[:500], one_line=True)
    except (msgspec.MsgspecError, KeyError, TypeError):
        return PeerUnreachable(f"something else than multifleet answers there (HTTP {status})")
    return _KINDS.get(code, PeerUnreachable)(words)
