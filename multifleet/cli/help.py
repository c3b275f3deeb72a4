"""Help texts, printed from the table of commands."""

import shutil
import textwrap

from multifleet import __version__
from multifleet.cli.commands import COMMANDS, GROUPS
from multifleet.cli.shape import NUMBER, PLACES, SWITCH, TEXTS, Command, Field


def print_help(name: str) -> None:
    """The help of one command, or of all."""
    print(_command(name, COMMANDS[name]) if name else _all(), end="")


def no_such_command(words: list[str]) -> str:
    """Why these words are no command, and which is meant."""
    following = [name for name in COMMANDS if name.startswith(words[0] + " ")]
    more = [word for word in words[1:2] if not word.startswith("-")]
    if following and not more:
        return f"say what: {', '.join(following)}"
    from multifleet.cli.misspelt import nearest
    from multifleet.core.visible import visible

    typed = visible(" ".join([words[0], *more] if following else words[:1]), one_line=True)[:40]
    near = nearest(typed, following or COMMANDS)
    if following and not near:
        return f"there is no command {typed!r}; say what: {', '.join(following)}"
    return f"there is no command {typed!r}" + (f"; did you mean {near}?" if near else "")


def _all() -> str:
    lines = [f"multifleet {__version__}: messages between AI coding agents on several machines", ""]
    width = max(map(len, COMMANDS))
    for title, names in GROUPS:
        lines.append(f"{title}:")
        lines += [f"  {name:<{width}}  {COMMANDS[name].summary}" for name in names]
        lines.append("")
    lines.append("`multifleet COMMAND --help` explains one. Every command takes --json.")
    lines.append("Exit status: 0 done; 3 accepted, not there yet; 1 refused or failed; 2 not as its help has it.")
    return "\n".join(lines) + "\n"


def _command(name: str, command: Command) -> str:
    places = [field for field in command.fields if field.positional]
    options = [field for field in command.fields if not field.positional]
    typed = "".join(f" {p.label}" if p.required else f" [{p.label}]" for p in places)
    parts = [
        f"usage: multifleet {name}{typed}{' [OPTION...]' if options else ''}",
        "",
        _wrap(command.about, ""),
        "",
    ]
    parts += [line for place in places for line in _entry(place.label, place)]
    if places:
        parts.append("")
    parts += [line for option in options for line in _entry(_typed(option), option)]
    parts += ["  --json", "      Print the result as JSON."]
    return "\n".join(parts) + "\n"


def _typed(option: Field) -> str:
    return option.flag if option.kind == SWITCH else f"{option.flag} {option.label}"


def _entry(label: str, field: Field) -> list[str]:
    notes = []
    if field.choices:
        notes.append(f"One of {', '.join(field.choices)}.")
    if field.least is not None and field.most is not None:
        notes.append(f"{field.least:.12g} to {field.most:.12g}.")
    if field.default:
        notes.append(f"Default: {field.default}{' s' if field.kind == NUMBER else ''}.")
    if field.kind in (TEXTS, PLACES):
        notes.append("May be given several times.")
    return [f"  {label}", _wrap(" ".join([field.help, *notes]), "      ")]


def _wrap(text: str, indent: str) -> str:
    width = min(100, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
