"""An operation: one thing a user can ask a node to do, defined once.

HTTP, MCP, the command line and the slash commands are all printed from the list in `multifleet.operations`.
To add a capability, write a request, a result and a handler, and put an Operation in that list. Nothing here
registers itself and nothing is inferred from names or signatures. Peers never reach an operation: they speak
in frames.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from multifleet.node.node import Node

DEFAULT_BODY_LIMIT = 64 * 1024
"""Bytes of a request body, for operations that do not carry a message."""


def about(text: str) -> msgspec.Meta:
    """The help of a field, on every surface: `to: Annotated[str, about("Node or seat to send to.")]`."""
    return msgspec.Meta(description=text)


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a user asks. Fields are flat: text, numbers, switches, choices and lists of text."""


def _drop_trailing_underscore(field: str) -> str:
    return field.rstrip("_")


class View(msgspec.Struct, frozen=True, rename=_drop_trailing_underscore):
    """Base of what a user is shown. `from_` is `from` in JSON; moments are seconds since 1970 in UTC."""


class Effect(StrEnum):
    """How much an operation can change, which is how carefully each surface offers it."""

    READS = "reads"
    WRITES = "writes"
    DISRUPTS = "disrupts"
    ENDS = "ends"
    """Nothing undoes it. The command line asks before it does it."""


Handler = Callable[["Node", Any], Awaitable[View]]


@dataclass(frozen=True)
class Operation:
    """What every surface needs to know; `description` and `summary` come from the handler's docstring."""

    name: str
    http: str
    effect: Effect
    request: type[Request]
    result: type[View]
    handler: Handler
    positional: tuple[str, ...] = ()
    status: int = 200
    body_limit: int = DEFAULT_BODY_LIMIT
    mcp: bool = False
    """Whether it is among the tools that MCP offers unless told otherwise."""
    slash: bool = True
    """Whether a slash command is printed for it; those for programs have none."""
    local_cli: bool = False
    """Whether the command line does more than ask the daemon, as it must where none runs."""
    http_only: tuple[str, ...] = ()
    """Fields that only HTTP offers, because they are not flat."""
    needed: tuple[str, ...] = ()
    """Fields that are optional over HTTP only, where another form may stand in for them."""
    quiet: tuple[str, ...] = ()
    """Fields that a surface fills in by itself and does not offer."""

    @property
    def description(self) -> str:
        """The whole docstring of the handler, as one paragraph."""
        return " ".join((inspect.getdoc(self.handler) or "").split())

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    @property
    def method(self) -> str:
        return self.http.split()[0]

    @property
    def path(self) -> str:
        return self.http.split()[1]

    @property
    def tool(self) -> str:
        """The operation's name as an MCP tool."""
        return "fleet_" + self.name.replace(" ", "_").replace("-", "_")

    @property
    def slash_command(self) -> str:
        """The operation's name as a slash command, without the slash."""
        return "fleet-" + self.name.replace(" ", "-")
