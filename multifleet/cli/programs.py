"""`mcp` and `demo`: commands that are programs of their own."""

import sys
from importlib import import_module

from multifleet.cli.arguments import Value
from multifleet.cli.shape import Command, Failed

PROGRAMS = {"mcp": "multifleet.cli.mcp_bridge", "demo": "multifleet.demo.demo"}


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """The program's own exit status."""
    if values.pop("up", False):
        _bring_up()
    status = import_module(PROGRAMS[name]).run(as_json=as_json, **values)
    assert isinstance(status, int)
    return status


def _bring_up() -> None:
    from multifleet.cli.up import start, status
    from multifleet.errors import MultifleetError
    from multifleet.node.offline import offline_init
    from multifleet.paths import home_path

    try:
        if status() is None:
            offline_init(home_path(), None)
            start()
    except (Failed, MultifleetError) as error:  # the tools say it again, to whoever asks them
        print(f"multifleet: {error}", file=sys.stderr)
