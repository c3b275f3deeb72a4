"""Would a daemon that starts now accept its configuration."""

from pathlib import Path

from multifleet.errors import ConfigError, KeyUnavailable
from multifleet.node.checks.finding import Finding, fail, of_error, ok
from multifleet.node.setup import open_setup


def usable(home: Path) -> Finding:
    """Reads config.json, fleet.json and the environment as a start would. Blocks."""
    try:
        open_setup(home)
    except ConfigError as error:
        if "; see " in str(error):
            says, _, remedy = str(error).partition("; see ")
            return fail(says, f"see {remedy}")
        return of_error(error)
    except KeyUnavailable:
        pass  # the check of the keys says so
    path = home / "config.json"
    return ok(f"{path} is good" if path.exists() else f"{path} is not there: all is as by default")
