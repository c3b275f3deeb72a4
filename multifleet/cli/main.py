"""The way in: finds the command, reads its arguments, asks the daemon, prints the answer.

With MULTIFLEET_FENCED set, all that a command prints is made data for an agent that reads it (cli/fenced.py).

Exit status: 0 done, or so already (a state that was waited for was reached), 3 accepted and not there yet, 1 refused or
failed with one line on standard error, 2 the words do not fit what --help says, and nothing was tried.
"""

import os
import sys

from multifleet.cli.arguments import HelpWanted, Value, read_arguments
from multifleet.cli.commands import COMMANDS
from multifleet.cli.shape import Command, Failed, UsageError

DONE, FAILED, USAGE, NOT_YET, INTERRUPTED = 0, 1, 2, 3, 130


def main(words: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = sys.argv[1:] if words is None else words
    if os.environ.pop("MULTIFLEET_FENCED", ""):  # a daemon that is started here is not to hand it on
        from multifleet.cli.fenced import fenced

        return fenced(lambda: _main(words), words)
    return _main(words)


def _main(words: list[str]) -> int:
    name = ""
    try:
        name, command, rest = _find(words)
        values, as_json = read_arguments(command, rest)
        status = _run(name, command, values, as_json)
        sys.stdout.flush()
        return status
    except HelpWanted:
        return _help(name)
    except UsageError as error:
        _complain(name, f"{error} (see `multifleet {name + ' ' if name else ''}--help`)")
        return USAGE
    except Failed as error:
        for line in error.lines:
            _complain(name, line)
        return FAILED
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return FAILED


def _find(words: list[str]) -> tuple[str, Command, list[str]]:
    if not words or words[0] in ("-h", "--help"):
        raise HelpWanted
    if words[0] == "--version":
        return "version", COMMANDS["version"], words[1:]
    if words[0] == "help":
        return _find([*words[1:], "--help"])
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS and len(words) >= length:
            return name, COMMANDS[name], words[length:]
    if words[0].startswith("-"):
        raise UsageError(f"the command comes first, then its options: multifleet COMMAND {words[0]}")
    from multifleet.cli.help import no_such_command

    raise UsageError(no_such_command(words))


def _run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    if command.asks:
        from multifleet.cli.confirm import confirm

        confirm(command, values)
    if command.runner:
        from importlib import import_module

        status = import_module("multifleet.cli." + command.runner).run(name, command, values, as_json)
        assert isinstance(status, int)
        return status
    from multifleet.cli.ask import run

    return run(name, command, values, as_json)


def _help(name: str) -> int:
    from multifleet.cli.help import print_help

    print_help(name)
    return DONE


def _complain(name: str, message: str) -> None:
    from multifleet.cli.reader import for_reader
    from multifleet.core.visible import visible

    said = visible(f"multifleet{' ' + name if name else ''}: {message}", one_line=True)
    print(for_reader(said), file=sys.stderr)


def _forget_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
