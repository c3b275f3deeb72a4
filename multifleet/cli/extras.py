"""What the command line has beyond the operations; read only when the table of commands is printed."""

from typing import get_args

from multifleet.cli.shape import (
    BODY,
    DEFAULT_TIMEOUT,
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
    Field,
)
from multifleet.core.packets import BODY_LIMIT, EXPIRES_LIMIT
from multifleet.operations.tracing import Rung
from multifleet.sessions.hook_clients import CLIENTS

WAIT = Field("wait", "Wait until the message is in this state.", choices=get_args(Rung), label="STATE")
TIMEOUT = Field("timeout", "Wait this long at the most.", NUMBER, default=f"{DEFAULT_TIMEOUT:g}", least=0)

AS_ME = Field("as_me", "Sign it as a person, with your SSH key; only in a terminal of your own.", SWITCH)

CLIENT = Field("client", "Of which agent client.", choices=CLIENTS, default=CLIENTS[0])

WATCH = Field("watch", "Show it anew whenever something changes, until it is interrupted.", SWITCH)

EXTRA_FIELDS = {
    "send": (WAIT, TIMEOUT, AS_ME),
    "reply": (WAIT, TIMEOUT, AS_ME),
    "inject": (WAIT, TIMEOUT),
    "status": (
        Field("line", "One line of at most 120 characters, for a status bar.", SWITCH),
        Field(
            "dot",
            "One dot: \u25cf all is well, \u25d0 something waits or is missing, \u25cb no daemon or a fault here.",
            SWITCH,
        ),
        WATCH,
    ),
    "peers": (WATCH,),
    "repair": (
        Field(
            "local",
            "Mend this machine's own daemon: start it again where it has crashed or does not answer, clear a dead "
            "socket of it, or have a repair agent look, where config.json allows one.",
            choices=("daemon", "socket", "agent"),
            label="WHAT",
        ),
        Field("by", "With --local: who asks came over SSH, and names the home on standard input.", choices=("ssh",)),
    ),
    "trace": (Field("watch", "Print each step when it happens, until the last.", SWITCH),),
}
"""Options that the command adds to the fields of its operation."""

YES = Field("yes", "Do it without asking; without a terminal nobody could be asked.", SWITCH)

QUESTIONS = {
    "revoke": "Revoke {node}{key}? It can only come back with new keys.",
    "leave": "Leave the fleet? What waits to be delivered is given up, and only a captain's invitation leads back.",
}
"""What is asked before a command is done that nothing undoes."""

HIDDEN_FIELDS = {
    "hook": ("session_id", "cwd", "transcript_path", "source", "entrypoint", "pid", "client"),
    "receive": ("frame",),
}
"""Fields that come from standard input and are not typed."""

POSITIONAL = {"hook": ("event",)}
KINDS = {
    ("send", "body"): BODY,
    ("send", "reply_to"): WHOLE_ID,
    ("send", "id"): WHOLE_ID,
    ("cloud", "text"): BODY,
    ("inject", "body"): BODY,
    ("reply", "id"): PREFIX,
    ("reply", "body"): BODY,
    ("reply", "answer_id"): WHOLE_ID,
    ("read", "id"): PREFIX,
    ("trace", "id"): PREFIX,
    ("ack", "id"): PREFIX,
    ("verify", "id"): PREFIX,
    ("receipts", "id"): PREFIX,
    ("retry", "id"): PREFIX,
    ("invite", "at"): PLACES,
    ("join", "at"): PLACES,
    ("join", "code"): SECRET,
    ("seat bind", "folder"): FOLDER,
}
CHOICES = {("hook", "event"): ("session-start", "user-prompt-submit", "stop")}
LABELS = {"thread": "NAME", "reply_to": "ID", "wait": "STATE", "from_seat": "SEAT", "answer_id": "ID"}
"""What stands for a value in a help text, where the name of its field does not say it."""
BOUNDS: dict[tuple[str, str], tuple[float | None, float | None]] = {
    ("send", "body"): (None, BODY_LIMIT),
    ("reply", "body"): (None, BODY_LIMIT),
    ("inject", "body"): (None, BODY_LIMIT),
    ("send", "expires"): (1, EXPIRES_LIMIT),
    ("reply", "expires"): (1, EXPIRES_LIMIT),
    ("trace", "timeout"): (0, None),
}
"""The least and the most that a number may be, where the request does not say it; of a body, its bytes."""

RUNNERS = {
    "ack": "acknowledged",
    "check": "checking",
    "wake": "waked",
    "doctor": "doctor",
    "down": "down",
    "hook": "hook",
    "init": "setup",
    "inject": "sending",
    "invite": "setup",
    "join": "setup",
    "leave": "setup",
    "peers": "picture",
    "receive": "receive",
    "repair": "repairing",
    "reply": "sending",
    "revoke": "setup",
    "settle": "setup",
    "send": "sending",
    "status": "picture",
    "trace": "tracing",
    "verify": "proving",
}
"""Modules that run a command which does more than ask and print."""

OWN_COMMANDS = {
    "up": Command(
        "Start the daemon and wait until it answers.",
        "Start the daemon and wait until it answers. It listens on port 8855 of all addresses, "
        "unless told or configured otherwise.",
        fields=(
            Field("foreground", "Stay in the foreground, and log to standard error.", SWITCH),
            Field(
                "supervised",
                "Start it again when it is killed, ends by a fault, or does not answer; for machines without systemd "
                "or launchd.",
                SWITCH,
            ),
            Field("port", "Port to listen on; 0 takes any that is free.", INTEGER, least=0, most=65_535),
            Field("bind", "Address to listen on.", TEXTS),
        ),
        runner="up",
    ),
    "service install": Command(
        "Have the system start the daemon, now and at each login.",
        "Have the system start the daemon, now and at each login, and again when it ends by a fault: a systemd "
        "user unit on Linux, a launchd agent on macOS. It finds programs where your shell does now.",
        fields=(Field("print", "Show what would be written, and do nothing.", SWITCH),),
        runner="service",
    ),
    "service uninstall": Command(
        "Undo `service install`; the daemon that runs by it is stopped.",
        "Undo `service install`; the daemon that runs by it is stopped.",
        runner="service",
    ),
    "service status": Command(
        "Say whether the system keeps the daemon running.",
        "Say whether the system keeps the daemon running; exit status 1 where it does not.",
        runner="service",
    ),
    "plugin install": Command(
        "Have Claude Code install the plugin: hooks, tools, slash commands, skills and agents.",
        "Have Claude Code install the plugin: hooks, tools, slash commands, skills and agents. How its settings were "
        "is remembered for `plugin uninstall`.",
        runner="plugin_files",
    ),
    "plugin uninstall": Command(
        "Undo `plugin install`; the settings are as they were, with what was changed since.",
        "Undo `plugin install`: the settings are byte for byte as they were before, with what you changed since, and "
        "the client's copy of the plugin is removed.",
        runner="plugin_files",
    ),
    "hooks install": Command(
        "Put the hooks into the settings of an agent client, where the plugin is not wanted.",
        "Put the hooks into the settings of an agent client, where the plugin is not wanted. What stands there stays "
        "as it is, and `hooks uninstall` gives it back byte for byte.",
        fields=(CLIENT,),
        runner="hook_files",
    ),
    "hooks uninstall": Command(
        "Undo `hooks install`; the settings are as they were, with what was changed since.",
        "Undo `hooks install`: the settings are byte for byte as they were before. What you changed in them since "
        "stays changed.",
        fields=(CLIENT,),
        runner="hook_files",
    ),
    "hooks status": Command(
        "Say whether the hooks stand in the settings of an agent client.",
        "Say whether the hooks stand in the settings of an agent client; exit status 1 where not all of them do.",
        fields=(CLIENT,),
        runner="hook_files",
    ),
    "mcp": Command(
        "Serve the operations as MCP tools on standard input and output.",
        "Serve the operations as MCP tools on standard input and output, for any client that speaks MCP.",
        fields=(
            Field("all", "Offer every operation instead of the dozen that agents need.", SWITCH),
            Field("up", "Make this machine a node and start its daemon first, where that is not done yet.", SWITCH),
        ),
        runner="programs",
    ),
    "demo": Command(
        "Show it at work: three nodes on this machine, one of them killed under way.",
        "Show it at work: three nodes on this machine send messages, one of them is killed and started "
        "again under way, one way between them after the other goes dark, and every receipt is there at the end.",
        fields=(Field("brief", "Leave out how the ways go dark and come back, which takes a minute.", SWITCH),),
        runner="programs",
    ),
    "version": Command("Print the version.", "Print the version.", runner="version"),
}

GROUPS = (
    ("Getting started", ("init", "invite", "join", "up", "down", "demo")),
    ("Who is in the fleet", ("roster", "revoke", "settle", "leave")),
    ("Messages", ("send", "inject", "reply", "inbox", "unread", "read")),
    ("Where is it", ("trace", "ack", "verify", "receipts", "outbox", "dead", "retry")),
    (
        "This node and the others",
        ("status", "health", "doctor", "peers", "discover", "channels", "tunnel", "rotate-keys", "stats"),
    ),
    ("Where nobody answers", ("why", "check", "wake", "cloud")),
    ("Keeping it up", ("repair", "service install", "service uninstall", "service status")),
    ("Agent sessions", ("sessions", "sessions gold", "seats", "seat bind", "seat dnd", "seat remove")),
    ("Who may say what", ("seat allow", "seat rules", "stop")),
    ("Agent clients", ("plugin install", "plugin uninstall", "hooks install", "hooks uninstall", "hooks status")),
    ("For other programs", ("mcp", "hook", "receive", "version")),
)
"""The order of the help text."""
