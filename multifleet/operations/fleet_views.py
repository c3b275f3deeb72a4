"""What a user is shown while a fleet is put together."""

from typing import Annotated

from multifleet.operations.operation import View, about


class InitView(View, frozen=True):
    """A node that has its keys."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of its fleet.")]
    home: Annotated[str, about("Folder with its keys, store and logs.")]
    keys: Annotated[str, about("Where its keys are: keyring, file or environment.")]
    key: Annotated[str, about("Fingerprint of its identity key.")]
    created: Annotated[bool, about("False when it was there already and nothing was changed.")]


class InviteView(View, frozen=True):
    """A one-time code that lets one machine join."""

    code: Annotated[str, about("The code; it works once.")]
    expires_at: Annotated[float, about("When it stops working.")]
    command: Annotated[str, about("What to type on the other machine.")]
    addresses: Annotated[list[str], about("Where the other machine will call, as host:port.")]
    running: Annotated[bool, about("Whether the daemon is up to answer the call.")] = True


class JoinedView(View, frozen=True):
    """The fleet this node is in now."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of the fleet.")]
    inviter: Annotated[str, about("Node that let it in.")]
    addresses: Annotated[list[str], about("Where the inviter is reached, as host:port.")]
    members: Annotated[list[str], about("Members it knows now, this node among them.")]


class AnswerView(View, frozen=True):
    """The answer to a frame."""

    status: Annotated[int, about("HTTP status the frame would have been answered with.")]
    frame: Annotated[bytes, about("The answer, itself a frame or one line of text; base64 in JSON.")]
