"""What a command looks like: plain classes, because every start of the command line imports them."""

TEXT, INTEGER, NUMBER, SWITCH, TEXTS, BODY, FOLDER = (
    "text",
    "integer",
    "number",
    "switch",
    "texts",
    "body",
    "folder",
)
"""Kinds of values. A body may be '-', which is standard input; a folder becomes absolute."""

DEFAULT_TIMEOUT = 60.0
"""Seconds, where --wait was given and --timeout was not."""


class Field:
    """One argument or option."""

    __slots__ = ("choices", "default", "help", "kind", "name", "positional", "required")

    def __init__(
        self,
        name: str,
        help: str,
        kind: str = TEXT,
        *,
        choices: tuple[str, ...] = (),
        default: str = "",
        positional: bool = False,
        required: bool = False,
    ) -> None:
        self.name = name
        self.help = help
        self.kind = kind
        self.choices = choices
        self.default = default
        self.positional = positional
        self.required = required

    @property
    def flag(self) -> str:
        """The option's name as it is typed."""
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """What stands for its value in a help text."""
        return {BODY: "TEXT|-", NUMBER: "S", INTEGER: "N"}.get(self.kind, self.name.replace("_", "-").upper())


class Command:
    """One command: what it asks of the daemon, or the module of this folder that runs it."""

    __slots__ = ("about", "fields", "method", "path", "quiet", "runner", "summary")

    def __init__(
        self,
        summary: str,
        about: str,
        method: str = "",
        path: str = "",
        fields: tuple[Field, ...] = (),
        quiet: tuple[str, ...] = (),
        runner: str = "",
    ) -> None:
        self.summary = summary
        self.about = about
        self.method = method
        self.path = path
        self.fields = fields
        self.quiet = quiet
        self.runner = runner


class UsageError(Exception):
    """What was typed is not a command; exit status 2."""


class Failed(Exception):
    """The command failed for a reason that is told in one line; exit status 1."""


class NotRunning(Failed):
    """No daemon answers for this home."""
