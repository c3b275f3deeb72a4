"""Would a daemon that starts now accept its configuration."""

from collections.abc import Callable
from pathlib import Path

from multifleet.errors import BadSettings, ConfigError, KeyUnavailable
from multifleet.node.checks.finding import Finding, fail, of_error, ok, warn
from multifleet.node.setup import open_setup

RESTART = "multifleet down, then multifleet up"


def usable(home: Path, changed: Callable[[], str] = str) -> Finding:
    """Reads config.json, fleet.json and the environment as a start would; `changed` says whether the daemon that runs
    has read something else. Blocks."""
    try:
        open_setup(home)
    except ConfigError as error:
        return fault(error)
    except KeyUnavailable:
        pass  # the check of the keys says so
    if words := changed():
        return warn(words, RESTART)
    path = home / "config.json"
    return ok(f"{path} is good" if path.exists() else f"{path} is not there: all is as by default")


def fault(error: ConfigError) -> Finding:
    """Why no daemon would start with it, and what to do."""
    if isinstance(error, BadSettings):
        return fail(str(error), "mend it, then multifleet up; docs/configuration.md says what it may hold")
    return of_error(error)
