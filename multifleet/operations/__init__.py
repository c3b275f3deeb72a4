"""Everything a user can ask a node to do."""

from multifleet.operations import (
    authority,
    diagnosing,
    discovering,
    fleet,
    injecting,
    messages,
    nodes,
    repairs,
    roster,
    sessions,
    tracing,
    tunnels,
    waking,
)
from multifleet.operations.operation import Effect, Operation, Request, View

__all__ = ["OPERATIONS", "Effect", "Operation", "Request", "View"]

OPERATIONS: tuple[Operation, ...] = (
    *messages.OPERATIONS,
    *injecting.OPERATIONS,
    *tracing.OPERATIONS,
    *authority.OPERATIONS,
    *nodes.OPERATIONS,
    *repairs.OPERATIONS,
    *diagnosing.OPERATIONS,
    *discovering.OPERATIONS,
    *waking.OPERATIONS,
    *tunnels.OPERATIONS,
    *sessions.OPERATIONS,
    *fleet.OPERATIONS,
    *roster.OPERATIONS,
)
