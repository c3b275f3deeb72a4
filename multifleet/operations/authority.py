"""Who stands behind a message, who may write what to whom, and when nothing is shown at all."""

from typing import TYPE_CHECKING, Annotated, Literal

from multifleet.core.ids import Address, BadId, is_seat_name
from multifleet.core.permission import EVERYBODY, Level
from multifleet.errors import BadInput
from multifleet.operations.message_views import VerifiedView
from multifleet.operations.messages import ReceivedId
from multifleet.operations.operation import Effect, Operation, Request, View, about

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Verify(Request, frozen=True):
    """A message to examine."""

    id: Annotated[ReceivedId, about("Id of the message, or the start of it.")]


async def verify(node: "Node", request: Verify) -> VerifiedView:
    """Say whether a person signed a message, and who.

    Only a signature by a key of the file of allowed signers proves that; nothing in the text of a message does.
    """
    return await node.messages.verify(request.id)


class SeatAllow(Request, frozen=True):
    """A rule for what may be sent here."""

    what: Annotated[
        Literal["task", "context", "nothing", "default"],
        about("Tasks as well, context alone, or nothing; default forgets the rule."),
    ]
    seat: Annotated[str | None, about("Only for this seat; else for all, and for this machine itself.")] = None
    sender: Annotated[str | None, about("Only from this NODE or NODE/SEAT; else from everybody.")] = None


class SeatRules(Request, frozen=True):
    """No choice: all rules are shown."""


class RuleView(View, frozen=True):
    """What one sender may send to one seat."""

    seat: Annotated[str, about("The seat; * for all, and for this machine itself.")]
    sender: Annotated[str, about("NODE/SEAT, NODE, or * for everybody.")]
    what: Annotated[str, about("What it may send: task (all types), context (no tasks), or nothing.")]


class RuleListing(View, frozen=True):
    """The rules of this machine."""

    rules: Annotated[list[RuleView], about("The rules; of those that fit a message, the most exact one decides.")]


async def seat_allow(node: "Node", request: SeatAllow) -> RuleListing:
    """Decide who may send what to the sessions of this machine.

    What a rule does not allow is refused, and its sender has that signed. Without any rule members may send all. The
    seat has to be one of this machine, and the sender's machine a member, unless the rule is forgotten.
    """
    level: Level | None = None if request.what == "default" else request.what
    await node.rules.allow(_seat(request.seat), _sender(request.sender), level)
    return _rules(node)


async def seat_rules(node: "Node", request: SeatRules) -> RuleListing:
    """List who may send what to the sessions of this machine."""
    return _rules(node)


class Stop(Request, frozen=True):
    """What is to be stopped, or to go on."""

    seat: Annotated[str | None, about("Only this seat of this machine; else the machine.")] = None
    all: Annotated[bool, about("The whole fleet, also machines that are away now; for captains.")] = False
    undo: Annotated[bool, about("Let it go on.")] = False


class StoppedView(View, frozen=True):
    """What is stopped."""

    stopped: Annotated[tuple[str, ...], about("A line for each: what, since when, and how it goes on.")]


async def stop(node: "Node", request: Stop) -> StoppedView:
    """Show no more messages to the agent sessions of a seat, of this machine or of the whole fleet.

    What comes meanwhile is kept, and is shown once it goes on. What a session has been shown already is not taken back.
    """
    await node.stops.decide(request.seat, everywhere=request.all, undo=request.undo)
    return StoppedView(stopped=node.stops.words())


def _rules(node: "Node") -> RuleListing:
    return RuleListing(rules=[RuleView(rule.seat, rule.sender, rule.level) for rule in node.admission.rules])


def _seat(seat: str | None) -> str:
    if seat is not None and not is_seat_name(seat):
        raise BadInput(f"{seat!r} is no seat name: lower-case letters, digits, '.', '_' and '-', at most 63")
    return seat or EVERYBODY


def _sender(sender: str | None) -> str:
    try:
        return EVERYBODY if sender is None else str(Address.parse(sender))
    except BadId as error:
        raise BadInput(str(error)) from None


OPERATIONS = (
    Operation("verify", "GET /verify/{id}", Effect.READS, Verify, VerifiedView, verify, positional=("id",)),
    Operation(
        "seat allow", "POST /seats/allow", Effect.WRITES, SeatAllow, RuleListing, seat_allow, positional=("what",)
    ),
    Operation("stop", "POST /stop", Effect.DISRUPTS, Stop, StoppedView, stop),
    Operation("seat rules", "GET /seats/rules", Effect.READS, SeatRules, RuleListing, seat_rules),
)
