"""Knocks at another machine's door: brings one half of a handshake there and takes the other half home."""

import asyncio
from collections.abc import Sequence

import msgspec

from multifleet.channels.connections import Connections
from multifleet.channels.http_connection import Broken, in_words
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


async def post_first(
    connections: Connections, node: str | None, addresses: Sequence[str], data: bytes
) -> tuple[bytes, str]:
    """The first answer, and the address that gave it; what the other machine refuses is raised as it was there.

    `node` is whom it should be, where that is known.
    """
    reasons = []
    for address in addresses:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return await _post(connections, node, address, data), address
        except TimeoutError:
            reasons.append(f"{address}: no answer in {TRY_SECONDS:g} s")
        except (Broken, OSError, PeerUnreachable, ValueError) as error:
            reasons.append(f"{address}: {in_words(error)}")
    raise PeerUnreachable(
        f"no answer ({'; '.join(reasons)}): is multifleet up there, and are both machines in one network? "
        "another address can be given with --at HOST:PORT"
    )


async def _post(connections: Connections, node: str | None, address: str, data: bytes) -> bytes:
    async with connections.borrow(address, node) as connection:
        status, answer = await connection.ask("/join", data)
        connection.close()  # who it is stands in the answer, and that is not verified yet
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
