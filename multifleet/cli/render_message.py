"""One received message in full: for a person with its head lines, for an agent within a fence."""

import os
import secrets
from typing import Any

from multifleet.cli.author import AGENT_MARKS
from multifleet.cli.table import cell, day
from multifleet.core.visible import visible

Result = dict[str, Any]

TO_BE_TOLD = ("held", "refused", "expired", "undeliverable")
"""States that an agent which reads the text has to know: it is not to be taken for an ordinary message."""


def sender(found: Result) -> str:
    """From whom it is; with the key where another machine has that name now, or none."""
    key = found["sender_key"]
    return f"{found['from']} (key {key}, not the one of that name now)" if key else str(found["from"])


def message(found: Result) -> str:
    """The text to print; who runs the command decides for whom it is."""
    if any(mark in os.environ for mark in AGENT_MARKS):
        return _for_an_agent(found)
    heads = [
        ("from", f"{sender(found)} ({_by(found)})"),
        ("to", found["to"]),
        ("type", found["type"]),
        ("stored", day(found["at"])),
        ("state", _state(found)),
        ("thread", found["thread"]),
        ("answers", found["reply_to"]),
        ("subject", found["subject"]),
    ]
    lines = [f"{name}: {cell(value)}\n" for name, value in heads if value]
    return "".join(lines) + "\n" + visible(found["body"]) + "\n"


def _by(found: Result) -> str:
    return f"signed by {found['signer']}" if found["signer"] else str(found["authority"])


def verified(found: Result) -> str:
    """Whose words a message is."""
    route = f"{found['id']} from {cell(found['from'])} to {cell(found['to'])}\n"
    signed = f", signed {day(found['signed_at'])}" if found["signed_at"] is not None else ""
    if found["proved"]:
        proof = f"signed by {cell(found['signer'])} with {cell(found['key'])}{signed}: proved\n"
        is_other = found["shown_as"] not in (None, "human")
        return route + proof + ("it is shown as an agent's, for it was not proved when it came\n" if is_other else "")
    key = f" ({cell(found['key'])}{signed})" if found["key"] else ""
    proof = f"not proved to be a person's{key}: {cell(found['reason'])}\n"
    is_other = found["shown_as"] == "human"
    return route + proof + ("it is shown as a person's, for it was proved when it came\n" if is_other else "")


def _state(found: Result) -> str:
    return str(found["state"]) + (f": {found['reason']}" if found["reason"] else "")


def _for_an_agent(found: Result) -> str:
    from multifleet.core.fence import Authority, FencedMessage, fence

    fenced = FencedMessage(
        id=found["id"],
        sender=sender(found),
        authority=Authority(found["authority"]),
        type=found["type"],
        subject=found["subject"],
        body=found["body"],
        sent_at=found["at"],
        thread=found["thread"],
        signer=found["signer"] or "",
        state=_state(found) if found["state"] in TO_BE_TOLD else "",
    )
    roomy = 16 * len(found["body"]) + 10_000  # making a character visible takes up to twelve
    return fence([fenced], delimiter=secrets.token_hex(12), budget=roomy).text
