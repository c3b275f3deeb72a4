"""Prints cli/commands.py from the list of operations, so that a command starts without reading that list."""

from multifleet.cli.extras import (
    BOUNDS,
    CHOICES,
    EXTRA_FIELDS,
    GROUPS,
    HIDDEN_FIELDS,
    KINDS,
    LABELS,
    OWN_COMMANDS,
    POSITIONAL,
    QUESTIONS,
    RUNNERS,
    YES,
)
from multifleet.cli.shape import BODY, SECRET, SWITCH, TEXT, Command, Field
from multifleet.operations import OPERATIONS, Effect, Operation
from multifleet.operations.fields import FieldInfo, request_fields

HEAD = '''"""The commands, printed by scripts/generate.py: change them in operations/ and cli/extras.py."""

from multifleet.cli.shape import Command, Field

'''


FROM_ELSEWHERE = {
    BODY: " '-' reads it from standard input.",
    SECRET: " '-' reads it from standard input; left out at a terminal, it is asked for. What is typed into the "
    "command can be seen by other users of this machine while it runs.",
}
"""What the help adds for values that need not be typed."""


def table() -> str:
    """The text of cli/commands.py."""
    commands = {operation.name: command_of(operation) for operation in OPERATIONS} | OWN_COMMANDS
    lines = [HEAD + "COMMANDS: dict[str, Command] = {\n"]
    for name, command in commands.items():
        lines += _command_lines(name, command)
    lines.append("}\n\nGROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (\n")
    for title, names in GROUPS:
        lines.append(f"    (\n        {_quoted(title)},\n        (\n")
        lines += [f"            {_quoted(name)},\n" for name in names]
        lines.append("        ),\n    ),\n")
    lines.append(")\n")
    return "".join(lines)


def command_of(operation: Operation) -> Command:
    """The command that asks for the operation."""
    places = POSITIONAL.get(operation.name, operation.positional)
    hidden = HIDDEN_FIELDS.get(operation.name, ())
    fields = [_field(operation, info, places) for info in request_fields(operation) if info.name not in hidden]
    ends = operation.effect is Effect.ENDS
    extra = EXTRA_FIELDS.get(operation.name, ()) + ((YES,) if ends else ())
    replaced = {field.name for field in extra}
    ordered = sorted((f for f in fields if f.positional), key=lambda f: places.index(f.name))
    options = [f for f in fields if not f.positional and f.name not in replaced]
    return Command(
        operation.summary,
        operation.description,
        operation.method,
        operation.path,
        (*ordered, *options, *extra),
        operation.quiet,
        RUNNERS.get(operation.name, ""),
        QUESTIONS[operation.name] if ends else "",
    )


def _field(operation: Operation, info: FieldInfo, places: tuple[str, ...]) -> Field:
    key = (operation.name, info.name)
    kind = KINDS.get(key, info.kind)
    least, most = BOUNDS.get(key, (info.least, info.most))
    return Field(
        info.name,
        info.help + FROM_ELSEWHERE.get(kind, ""),
        kind,
        choices=CHOICES.get(key, info.choices),
        default="" if info.default in (None, "", False, 0) else str(info.default),
        positional=info.name in places,
        required=info.required,
        least=least,
        most=most,
        label=LABELS.get(info.name, ""),
    )


def _command_lines(name: str, command: Command) -> list[str]:
    lines = [f"    {_quoted(name)}: Command(\n"]
    for text in (command.summary, command.about, command.method, command.path):
        lines += _text_lines(text, "        ")
    if command.fields:
        lines.append("        (\n")
        for field in command.fields:
            lines += _field_lines(field)
        lines.append("        ),\n")
    else:
        lines.append("        (),\n")
    lines.append(f"        {_tuple(command.quiet)},\n        {_quoted(command.runner)},\n")
    if command.asks:
        lines += _text_lines(command.asks, "        ")
    lines.append("    ),\n")
    return lines


def _field_lines(field: Field) -> list[str]:
    lines = ["            Field(\n", f"                {_quoted(field.name)},\n"]
    lines += _text_lines(field.help, "                ")
    if field.kind != TEXT:
        lines.append(f"                {_quoted(field.kind)},\n")
    if field.choices:
        lines.append("                choices=(\n")
        lines += [f"                    {_quoted(choice)},\n" for choice in field.choices]
        lines.append("                ),\n")
    if field.default and field.kind != SWITCH:
        lines.append(f"                default={_quoted(field.default)},\n")
    for bound in ("least", "most"):
        if (value := getattr(field, bound)) is not None:
            lines.append(f"                {bound}={value:.12g},\n")
    if field.label != Field(field.name, "", field.kind).label:
        lines.append(f"                label={_quoted(field.label)},\n")
    lines += [f"                {flag}=True,\n" for flag in ("positional", "required") if getattr(field, flag)]
    lines.append("            ),\n")
    return lines


def _text_lines(text: str, indent: str) -> list[str]:
    """The literal, in pieces where it would be longer than a line may be."""
    if len(text) + len(indent) + 3 <= 110:
        return [f"{indent}{_quoted(text)},\n"]
    pieces, piece = [], ""
    for word in text.split(" "):
        if len(piece) + len(word) > 80:
            pieces.append(piece)
            piece = ""
        piece += word + " "
    pieces.append(piece.removesuffix(" "))
    quoted = [f"{indent}    {_quoted(piece)}\n" for piece in pieces]
    return [f"{indent}(\n", *quoted, f"{indent}),\n"]


def _tuple(words: tuple[str, ...]) -> str:
    return "(" + "".join(_quoted(word) + ", " for word in words).removesuffix(" " if len(words) == 1 else ", ") + ")"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
