"""What other machines may ask: to take a frame, to let them join, and whether a daemon is here. Nothing else.

A peer proves itself by the frame, never by its address: this file only carries bytes to whoever can judge
them.
"""

from typing import Protocol

from multifleet.api.answers import BYTES, JSON, TEXT, Answer
from multifleet.api.routes import Asked, Route
from multifleet.core.frame import FRAME_LIMIT

FRAMES = "/frames"
JOIN_LIMIT = 16 * 1024


class PeerHandlers(Protocol):
    """Whoever judges what peers send; both return an HTTP status and the bytes of the answer."""

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]: ...
    async def join(self, body: bytes, remote: str) -> tuple[int, bytes]: ...


def peer_routes(peer: PeerHandlers) -> list[Route]:
    """POST /frames and POST /join, for anybody."""

    async def frames(asked: Asked) -> Answer:
        status, body = await peer.frames(asked.body, asked.remote)
        return Answer(status, body, BYTES)

    async def join(asked: Asked) -> Answer:
        status, body = await peer.join(asked.body, asked.remote)
        return Answer(status, body, BYTES)

    either = frozenset({BYTES, JSON})
    return [
        Route(
            "POST",
            FRAMES,
            frames,
            owner_only=False,
            body_limit=FRAME_LIMIT,
            content_types=frozenset({BYTES}),
        ),
        Route("POST", "/join", join, owner_only=False, body_limit=JOIN_LIMIT, content_types=either),
    ]


def health_route(health: Route | None) -> Route:
    """GET /health: "ok" and no more for strangers; what the operation says for this machine's user."""

    async def answer(asked: Asked) -> Answer:
        if asked.own and health is not None:
            return await health.answer(asked)
        return Answer(200, b"ok\n", TEXT)

    return Route("GET", "/health", answer, owner_only=False)
