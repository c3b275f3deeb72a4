"""What all connections of the HTTP door share; no behaviour."""

from asyncio import Task
from dataclasses import dataclass, field

from multifleet.api.crowd import Crowd
from multifleet.api.limits import Limits
from multifleet.api.peer_credentials import Proof
from multifleet.api.reports import Reports
from multifleet.api.routes import Routes


@dataclass(slots=True)
class Door:
    """Made once by the server."""

    routes: Routes
    limits: Limits
    crowd: Crowd
    proof: Proof
    reports: Reports
    tasks: set[Task[None]] = field(default_factory=set)
    """What is being answered, even when its caller has left."""
    closing: bool = False
