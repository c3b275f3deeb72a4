"""What a member asks the chief about its NATS server, and what it is told."""

from typing import Annotated

import msgspec

from multifleet.core.asks import Question
from multifleet.core.packets import REASON_LIMIT, Wire

_SECRET = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{0,100}\\Z")]


class NatsTold(Wire, frozen=True, kw_only=True):
    """How to come in at the chief's NATS server; the frame around it is sealed for the one who asked."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    """Where it listens, at the chief's addresses; 0 where there is no server."""
    password: _SECRET = ""
    """For the asking node alone; its id is the user's name."""
    certificate: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    """PEM; the only one that the server may show. Empty: no TLS, it listens on loopback alone."""
    problem: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    """Why there is no server, in words."""


class NatsAsk(Question, frozen=True, kw_only=True, tag="nats_ask"):
    """ "By which NATS server of yours?" Asked of the chief. Asking twice changes nothing."""

    tells = NatsTold
