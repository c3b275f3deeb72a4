"""What a user is shown of why a peer is as it is, and of what came of trying the channels to it."""

from typing import Annotated

from multifleet.operations.operation import View, about


class WhyView(View, frozen=True):
    """What is wrong with a peer, and how that is known."""

    node: Annotated[str, about("The peer.")]
    cause: Annotated[
        str,
        about(
            "What is wrong, in a few words, for example `daemon down`; `nothing is wrong` or `unknown` are among them."
        ),
    ]
    confidence: Annotated[
        str, about("proved: everything else is excluded; likely: it fits, and so may something else; unknown.")
    ]
    sentence: Annotated[str, about("The same in one sentence, with how it is known.")]
    remedy: Annotated[str, about("What to do about it; empty where there is nothing to do.")]
    evidence: Annotated[tuple[str, ...], about("All that was found out: what names the cause first.")] = ()
    also: Annotated[tuple[str, ...], about("Other causes that fit or are there too, with how sure each is.")] = ()


class TriedView(View, frozen=True):
    """What came of one channel to one peer that was tried just now."""

    peer: Annotated[str, about("Id of the peer.")]
    channel: Annotated[str, about("Name of the channel.")]
    priority: Annotated[str, about("Its place in the protocol, P0 to P8.")]
    result: Annotated[
        str,
        about("answers, parked (the peer will find it there), fails, no way, or not tried (it would tell somebody)."),
    ]
    seconds: Annotated[float | None, about("How long that took; null where it was not tried.")] = None
    where: Annotated[str | None, about("What answered, or where it was parked.")] = None
    reason: Annotated[str | None, about("Why it failed, or why it was not tried.")] = None
    state: Annotated[str, about("The channel's state after that.")] = "untried"


class TriedListing(View, frozen=True):
    """Every channel, tried."""

    channels: Annotated[list[TriedView], about("The channels, by peer and place in the protocol.")]
