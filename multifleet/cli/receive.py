"""`receive`: takes a frame on standard input and prints the answer; for transports that start a program.

Exit status 0 where the frame was taken or parked, 1 where it was refused.
"""

import base64
import json
import sys
from typing import Any

from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.daemon import Frozen, ask
from multifleet.cli.shape import Command, Failed, NotRunning

TIMEOUT = 1.0
"""Seconds after which a daemon that does not answer is taken to be frozen, and the frame is parked."""
LARGEST_FRAME = 1024 * 1024 + 4096


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Failed where the frame was refused; what the node says of it is printed all the same."""
    frame = sys.stdin.buffer.read(LARGEST_FRAME + 1)
    if len(frame) > LARGEST_FRAME:
        raise Failed(f"the frame is longer than {LARGEST_FRAME} bytes")
    try:
        answer = ask(command, {"frame": base64.b64encode(frame).decode()} | values, TIMEOUT)
        result = json.loads(answer)
    except (NotRunning, Frozen):
        result = _without_daemon(frame, str(values.get("by") or "local"))
    status = int(result["status"])
    if as_json:
        print(as_line(result))
    else:
        sys.stdout.buffer.write(base64.b64decode(result["frame"]))
    if status >= 400:
        raise Failed(f"the frame was refused ({status})")
    return 0


def _without_daemon(frame: bytes, by: str) -> dict[str, Any]:
    from multifleet.errors import MultifleetError
    from multifleet.node.offline import offline_receive
    from multifleet.paths import home_path

    try:
        answer = offline_receive(home_path(), frame, by)
    except MultifleetError as error:
        raise Failed(str(error)) from None
    return {
        "status": answer.status,
        "frame": base64.b64encode(answer.frame).decode(),
        "waiting": [base64.b64encode(one).decode() for one in answer.waiting],
    }
