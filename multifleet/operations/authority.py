"""Who stands behind a message, who may write what to whom, and when nothing is shown at all."""

from typing import TYPE_CHECKING, Annotated

from multifleet.operations.message_views import VerifiedView
from multifleet.operations.messages import IdPrefix
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Verify(Request, frozen=True):
    """A message to examine."""

    id: Annotated[IdPrefix, about("Id of the message, or the start of it.")]


async def verify(node: "Node", request: Verify) -> VerifiedView:
    """Say whether a person signed a message, and who.

    Only a signature by a key of the file of allowed signers proves that; nothing in the text of a message does.
    """
    return await node.messages.verify(request.id)


OPERATIONS = (Operation("verify", "GET /verify/{id}", Effect.READS, Verify, VerifiedView, verify, positional=("id",)),)
