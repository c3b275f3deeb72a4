"""What a command looks like: plain classes, because every start of the command line imports them."""

TEXT, INTEGER, NUMBER, SWITCH, TEXTS, BODY, FOLDER, PREFIX, WHOLE_ID, PLACES, SECRET = (
    "text",
    "integer",
    "number",
    "switch",
    "texts",
    "body",
    "folder",
    "prefix",
    "whole id",
    "places",
    "secret",
)
"""Kinds of values. A body may be '-', which is standard input; a folder becomes absolute; places are HOST:PORT; a
secret may be '-' too, and where it is left out it is asked for without an echo."""

LABELS = {
    BODY: "TEXT|-",
    NUMBER: "S",
    INTEGER: "N",
    PREFIX: "ID",
    WHOLE_ID: "ID",
    PLACES: "HOST:PORT",
    SECRET: "CODE|-",
}

DEFAULT_TIMEOUT = 60.0
"""Seconds, where --wait was given and --timeout was not."""


class Field:
    """One argument or option."""

    __slots__ = (
        "_label",
        "choices",
        "default",
        "help",
        "kind",
        "least",
        "most",
        "name",
        "positional",
        "required",
    )

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
        least: float | None = None,
        most: float | None = None,
        label: str = "",
    ) -> None:
        self.name = name
        self.help = help
        self.kind = kind
        self.choices = choices
        self.default = default
        self.positional = positional
        self.required = required
        self.least = least
        self.most = most
        self._label = label

    @property
    def flag(self) -> str:
        """The option's name as it is typed."""
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """What stands for its value in a help text."""
        return self._label or LABELS.get(self.kind) or self.name.replace("_", "-").upper()


class Command:
    """One command: what it asks of the daemon, or the module of this folder that runs it."""

    __slots__ = ("about", "asks", "fields", "method", "path", "quiet", "runner", "summary")

    def __init__(
        self,
        summary: str,
        about: str,
        method: str = "",
        path: str = "",
        fields: tuple[Field, ...] = (),
        quiet: tuple[str, ...] = (),
        runner: str = "",
        asks: str = "",
    ) -> None:
        self.summary = summary
        self.about = about
        self.method = method
        self.path = path
        self.fields = fields
        self.quiet = quiet
        self.runner = runner
        self.asks = asks
        """The question before it is done, with fields in braces; empty where none is asked."""


class UsageError(Exception):
    """What was typed does not fit what --help says, and nothing was tried; exit status 2."""


class Failed(Exception):
    """The command failed for a reason that is told in one line, or several in one line each; exit status 1."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class NotRunning(Failed):
    """No daemon answers for this home."""
