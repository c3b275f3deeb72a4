"""`mcp` and `demo`: commands that are programs of their own."""

from importlib import import_module

from multifleet.cli.arguments import Value
from multifleet.cli.shape import Command

PROGRAMS = {"mcp": "multifleet.mcp.server", "demo": "multifleet.demo.demo"}


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """The program's own exit status."""
    status = import_module(PROGRAMS[name]).run(as_json=as_json, **values)
    assert isinstance(status, int)
    return status
