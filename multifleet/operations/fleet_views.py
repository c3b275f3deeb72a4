"""What a user is shown while a fleet is put together."""

from typing import Annotated

import msgspec

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
    role: Annotated[str, about("What the other machine will be: captain or worker.")] = "captain"


class JoinedView(View, frozen=True):
    """The fleet this node is in now."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of the fleet.")]
    inviter: Annotated[str, about("Node that let it in.")]
    addresses: Annotated[list[str], about("Where the inviter is reached, as host:port.")]
    members: Annotated[list[str], about("Members it knows now, this node among them.")]
    running: Annotated[bool, about("Whether the daemon is up here.")] = True


class AnswerView(View, frozen=True):
    """The answer to a frame."""

    status: Annotated[int, about("HTTP status the frame would have been answered with.")]
    frame: Annotated[bytes, about("The answer, itself a frame or one line of text; base64 in JSON.")]
    waiting: Annotated[
        list[bytes], about("Frames that wait here for the sender, where the frame came over SSH; base64 in JSON.")
    ] = msgspec.field(default_factory=list)


class PeerKeyView(View, frozen=True):
    """Under which of this node's keys it speaks with one peer."""

    node: Annotated[str, about("Id of the peer.")]
    key: Annotated[str, about("Start of this node's X25519 key that is used with it.")]
    switched: Annotated[bool, about("Whether that is the newest.")]
    since: Annotated[float | None, about("Since when the peer is known to hold it, if it has used it.")]


class OlderKeyView(View, frozen=True):
    """A key of this node that was replaced and is not destroyed yet."""

    key: Annotated[str, about("Start of the key.")]
    made_at: Annotated[float, about("When it was made.")]
    removed_after: Annotated[float, about("When no message that was sent under it can still arrive.")]
    waits_for: Annotated[list[str], about("Peers that have not shown yet that they hold a newer one.")]


class RotationView(View, frozen=True):
    """How far the renewal of this node's X25519 key is."""

    key: Annotated[str, about("Start of the newest key, which stands in this node's card.")]
    made_at: Annotated[float, about("When it was made.")]
    renews_at: Annotated[float | None, about("When the next one is made without being asked; null: never.")]
    peers: Annotated[list[PeerKeyView], about("The other members.")]
    older: Annotated[list[OlderKeyView], about("Keys that are still to be removed.")]
