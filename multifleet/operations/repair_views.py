"""What a user is shown about repairs."""

from typing import Annotated

from multifleet.operations.operation import View, about


class CaseView(View, frozen=True):
    """A channel that is broken while its peer is there, and the rung of the ladder that it stands on."""

    peer: Annotated[str, about("Id of the peer.")]
    channel: Annotated[str, about("Name of the channel.")]
    state: Annotated[str, about("broken or healing.")]
    level: Annotated[str, about("L1 noted, mended here; L2 the peer was told; L3 repaired over SSH; L4 you were told.")]
    began_at: Annotated[float, about("Since when it needs repair.")]
    at: Annotated[float, about("When this rung was reached.")]
    evidence: Annotated[str, about("How it is known.")]
    outcome: Annotated[str, about("What came of this rung.")]
    next: Annotated[str, about("What is done next, and when; or why nothing is.")]


class RepairView(View, frozen=True):
    """The repair ladder as it stands."""

    cases: Annotated[list[CaseView], about("Channels that need repair, by peer.")]
    refused: Annotated[str | None, about("Why what was asked for is not done; null where it was.")]
    commands: Annotated[list[str], about("What a person can type about it.")]
    done: Annotated[str | None, about("What was done now, a line each with what came of it; null: nothing.")] = None
