"""Reaching a machine that does not answer: waking it, or having a cloud session do what it would have done."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from multifleet.operations.operation import Effect, Operation, Request, View, about

if TYPE_CHECKING:
    from multifleet.node.node import Node

LONGEST_WAIT = 60.0
TEXT_LIMIT = 65_536


class Wake(Request, frozen=True):
    """A machine to wake."""

    node: Annotated[str, about("Its id.")]
    timeout: Annotated[
        float, msgspec.Meta(ge=0, le=LONGEST_WAIT, description="Seconds to wait until it is heard.")
    ] = 30.0


class Cloud(Request, frozen=True):
    """A text for a cloud session."""

    text: Annotated[
        str, msgspec.Meta(min_length=1, max_length=TEXT_LIMIT, description="What the session is told.")
    ]


class WakeStep(View, frozen=True):
    """One thing that was tried."""

    step: Annotated[str, about("health, ssh, wake or wait.")]
    ok: Annotated[bool, about("Whether it found the machine awake, or did what it says.")]
    words: Annotated[str, about("What came of it.")]


class WakeView(View, frozen=True):
    """What was tried to find a machine awake, or to wake it."""

    node: Annotated[str, about("Its id.")]
    awake: Annotated[bool, about("Whether it is known to be awake now.")]
    steps: Annotated[list[WakeStep], about("What was tried, in order.")]


class CloudView(View, frozen=True):
    """A session that was created; whether it does anything is not known here."""

    session: Annotated[str, about("Its id.")]
    url: Annotated[str, about("Where it can be looked at.")]


async def wake(node: "Node", request: Wake) -> WakeView:
    """Wake a machine that sleeps, after asking its daemon and then its SSH server whether it sleeps at all.

    Wake-on-LAN packets, three at the most, are sent from this machine or from a member on the sleeper's own network
    segment. What waits for it is delivered as soon as it is heard.
    """
    return await node.wake(request.node, request.timeout)


async def cloud(node: "Node", request: Cloud) -> CloudView:
    """Create a cloud session by your Claude Code routine and give it a text, which leaves the fleet by that.

    The answer says that the session was created, and no more. It is asked for once: where the outcome is not known,
    look at your sessions before you ask again.
    """
    return await node.cloud(request.text)


OPERATIONS = (
    Operation("wake", "POST /wake", Effect.WRITES, Wake, WakeView, wake, positional=("node",), mcp=True),
    Operation(
        "cloud",
        "POST /cloud",
        Effect.DISRUPTS,
        Cloud,
        CloudView,
        cloud,
        positional=("text",),
        body_limit=8 * TEXT_LIMIT,
    ),
)
