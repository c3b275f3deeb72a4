"""Reads a command line by the printed table: argparse alone would cost more than all of `send`."""

import os
import sys

from multifleet.cli.shape import (
    BODY,
    FOLDER,
    INTEGER,
    NUMBER,
    PLACES,
    PREFIX,
    SECRET,
    SWITCH,
    TEXTS,
    WHOLE_ID,
    Command,
    Failed,
    Field,
    UsageError,
)

Value = str | int | float | bool | list[str]


class HelpWanted(Exception):
    """--help was typed."""


def read_arguments(command: Command, words: list[str]) -> tuple[dict[str, Value], bool]:
    """The values of the fields that were given, by name, and whether --json was."""
    options = {field.flag: field for field in command.fields if not field.positional}
    values: dict[str, Value] = {}
    plain: list[str] = []
    as_json = False
    rest = iter(words)
    for word in rest:
        if word == "--":
            plain.extend(rest)
        elif word == "--json":
            as_json = True
        elif word in ("-h", "--help"):
            raise HelpWanted
        elif word.startswith("-") and word != "-":
            flag, equals, value = word.partition("=")
            field = options.get(flag)
            if field is None:
                raise UsageError(_no_such_option(command, flag))
            if field.kind == SWITCH:
                if equals:
                    raise UsageError(f"{flag} takes no value")
                values[field.name] = True
                continue
            if not equals:
                found = next(rest, None)
                if found is None:
                    raise UsageError(f"{flag} needs a value")
                value = found
            _add(values, field, value)
        else:
            plain.append(word)
    _place(values, [field for field in command.fields if field.positional], plain)
    for field in command.fields:
        if field.kind == SECRET and field.name not in values:
            values[field.name] = _asked_for(field)
        if field.required and field.name not in values:
            raise UsageError(f"{field.label if field.positional else field.flag} is missing")
    return values, as_json


def _no_such_option(command: Command, flag: str) -> str:
    """Which is meant; and where the command takes a text, how to write one that looks like an option."""
    from multifleet.cli.misspelt import nearest

    near = nearest(flag[:40], [field.flag for field in command.fields if not field.positional] + ["--json", "--help"])
    meant = f"; did you mean {near}?" if near else ""
    is_text = any(field.positional and field.kind == BODY for field in command.fields)
    text = f"{' or' if near else ';'} put -- before a text that starts with '-'" if is_text else ""
    return f"there is no option {_shown(flag)}{meant}{text}"


def _place(values: dict[str, Value], places: list[Field], plain: list[str]) -> None:
    if len(plain) > len(places):
        hint = "; put a text of several words in quotes" if any(place.kind == BODY for place in places) else ""
        raise UsageError(f"{_shown(plain[len(places)])} is one argument too many{hint}")
    for field, word in zip(places, plain, strict=False):
        _add(values, field, word)


def _add(values: dict[str, Value], field: Field, word: str) -> None:
    value = _convert(field, word)
    if field.kind in (TEXTS, PLACES):
        known = values.setdefault(field.name, [])
        assert isinstance(known, list) and isinstance(value, str)
        known.append(value)
    else:
        values[field.name] = value


def _convert(field: Field, word: str) -> Value:
    name = field.label if field.positional else field.flag
    if not word.isascii():
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{name} is not UTF-8 text") from None
    if field.choices and word not in field.choices:
        raise UsageError(f"{name} is one of {', '.join(field.choices)}, not {_shown(word)}")
    try:
        if field.kind == INTEGER:
            return _within(field, name, int(word))
        if field.kind == NUMBER:
            number = float(word)
            if number - number != 0:  # inf and nan
                raise ValueError
            return _within(field, name, number)
    except ValueError:
        raise UsageError(f"{name} is a number, not {_shown(word)}") from None
    if field.kind == BODY:
        return _fitting(field, _standard_input() if word == "-" else word)
    if field.kind == SECRET and word == "-":
        return _standard_input().strip()
    if field.kind in (PREFIX, WHOLE_ID, PLACES):
        from multifleet.cli.forms import fault

        if wrong := fault(field.kind, word):
            raise UsageError(f"{_shown(word)} {wrong}")
    if field.kind == FOLDER:
        return os.path.abspath(os.path.expanduser(word))
    return word


def _within(field: Field, name: str, number: int | float) -> int | float:
    low, high = field.least, field.most
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = f"at least {low:.12g}" if high is None else f"at most {high:.12g}"
        if low is not None and high is not None:
            bounds = f"{low:.12g} to {high:.12g}"
        raise UsageError(f"{name} is {bounds}, not {number:.12g}")
    return number


def _fitting(field: Field, text: str) -> str:
    if field.most is None or len(text) * 4 <= field.most or (size := len(text.encode())) <= field.most:
        return text
    raise Failed(
        f"the body has {size} bytes and may have {field.most:.12g}: send a path or a link instead, or several messages"
    )


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise Failed("standard input is not UTF-8 text: convert it first") from None


def _asked_for(field: Field) -> str:
    """What a person at the terminal types, unseen by other users of this machine."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{field.label} is missing: '-' reads it from standard input")
    from getpass import getpass

    typed = getpass(f"{field.name} (not shown): ", sys.stderr).strip()
    if not typed:
        raise Failed(f"no {field.name} was typed; nothing was done")
    return typed


def _shown(word: str) -> str:
    from multifleet.core.visible import visible

    return repr(visible(word if len(word) <= 60 else word[:57] + "...", one_line=True))
