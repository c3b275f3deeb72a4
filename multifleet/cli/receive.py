"""`receive`: takes a frame on standard input and prints the answer; for transports that start a program.

Exit status 0 where the frame was taken or parked, 1 where it was refused.
"""

import base64
import json
import sys

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
        answer = ask(command, {"frame": base64.b64encode(frame).decode()}, TIMEOUT)
        result = json.loads(answer)
        status, said = int(result["status"]), base64.b64decode(result["frame"])
    except (NotRunning, Frozen):
        status, said = _without_daemon(frame)
    if as_json:
        print(as_line({"status": status, "frame": base64.b64encode(said).decode()}))
    else:
        sys.stdout.buffer.write(said)
    if status >= 400:
        raise Failed(f"the frame was refused ({status})")
    return 0


def _without_daemon(frame: bytes) -> tuple[int, bytes]:
    from multifleet.errors import MultifleetError
    from multifleet.node.offline import offline_receive
    from multifleet.paths import home_path

    try:
        answer = offline_receive(home_path(), frame)
    except MultifleetError as error:
        raise Failed(str(error)) from None
    return answer.status, answer.frame
