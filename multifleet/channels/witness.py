"""What a channel may know for a diagnosis beside how its attempts ended. Optional: most know nothing more."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from multifleet.channels.base import Target


@dataclass(frozen=True, slots=True)
class Witness:
    """What it knows of the way to one peer."""

    host_key_refused: str = ""
    """The words of the attempt in which the peer's SSH server showed another key than the pinned one, the last time;
    empty where it has let this node in since."""
    ssh: tuple[str, ...] = ()
    """ "host:port" of the peer's SSH server."""
    servers: tuple[str, ...] = ()
    """ "host:port" of the broker at which both are to meet."""
    server_is_here: bool = False
    """Whether that is to run on this machine."""
    fault: str = ""
    """Why this node is not connected to that broker, after it has tried; empty where it is, or is to be for the first
    time."""


@runtime_checkable
class CanComplain(Protocol):
    """A channel that knows whether what the configuration names for it works."""

    def complaint(self) -> str:
        """The setting and what is wrong with it, in words; empty where nothing is known to be."""
        ...


@runtime_checkable
class CanTell(Protocol):
    """A channel that knows more."""

    def try_anew(self, target: Target) -> None:
        """Somebody looks: what failed a moment ago, and would rest for a while, is tried again at once."""
        ...

    def witness(self, target: Target) -> Witness:
        """What it knows, without asking anybody."""
        ...
