"""`version`."""

from multifleet import __version__
from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.shape import Command


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Print it; exit status 0."""
    print(as_line({"version": __version__}) if as_json else __version__)
    return 0
