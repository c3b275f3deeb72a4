"""The commands, printed by scripts/generate.py: change them in operations/ and cli/extras.py."""

from multifleet.cli.shape import Command, Field

COMMANDS: dict[str, Command] = {
    "send": Command(
        "Send a message to an agent session on another machine, or to that machine.",
        (
            "Send a message to an agent session on another machine, or to that machine. The "
            "answer says that it is durable here, not that it arrived: follow it with trace."
        ),
        "POST",
        "/message",
        (
            Field(
                "to",
                "Where it goes: NODE, or NODE/SEAT for the sessions of one project there.",
                positional=True,
                required=True,
            ),
            Field(
                "body",
                "Text of the message. '-' reads it from standard input.",
                "body",
                most=262144,
                positional=True,
                required=True,
            ),
            Field(
                "type",
                "What kind of message it is; decides which channels may carry it.",
                choices=(
                    "alert",
                    "broadcast",
                    "context",
                    "repair",
                    "reply",
                    "sync",
                    "task",
                ),
                default="context",
            ),
            Field(
                "subject",
                "One line that says what it is about.",
            ),
            Field(
                "urgency",
                "When its session is to see it: now, next-turn (it wakes an idle one) or whenever.",
                choices=(
                    "next-turn",
                    "now",
                    "whenever",
                ),
                default="next-turn",
            ),
            Field(
                "thread",
                "Thread it belongs to; messages of one thread stay in order.",
                label="NAME",
            ),
            Field(
                "reply_to",
                "Id of the message it answers, in full; MACHINE/ID where several machines sent one with it.",
                "whole id",
            ),
            Field(
                "expires",
                "Seconds until it is given up; a week unless told, 30 days at most.",
                "number",
                least=1,
                most=2592000,
            ),
            Field(
                "from_seat",
                "Seat on this node that answers go to.",
                label="SEAT",
            ),
            Field(
                "smart",
                "Have the recipient show with it what the session that sees it worked on, in a few words.",
                "switch",
            ),
            Field(
                "id",
                "Id for it (a UUID), so that asking again does not send it twice.",
                "whole id",
            ),
            Field(
                "wait",
                "Wait until the message is in this state.",
                choices=(
                    "queued",
                    "sent",
                    "stored",
                    "offered",
                    "held",
                    "refused",
                    "seen",
                    "answered",
                    "expired",
                    "undeliverable",
                ),
                label="STATE",
            ),
            Field(
                "timeout",
                "Wait this long at the most.",
                "number",
                default="60",
                least=0,
            ),
            Field(
                "as_me",
                "Sign it as a person, with your SSH key; only in a terminal of your own.",
                "switch",
            ),
        ),
        ("folder", "signature", "signed_at"),
        "sending",
    ),
    "reply": Command(
        "Answer a received message, in its thread.",
        "Answer a received message, in its thread.",
        "POST",
        "/reply",
        (
            Field(
                "id",
                "Id of the received message, or the start of it.",
                "prefix",
                positional=True,
                required=True,
            ),
            Field(
                "body",
                "Text of the answer. '-' reads it from standard input.",
                "body",
                most=262144,
                positional=True,
                required=True,
            ),
            Field(
                "subject",
                "One line that says what it is about.",
            ),
            Field(
                "urgency",
                "When its session is to see it: now, next-turn or whenever.",
                choices=(
                    "next-turn",
                    "now",
                    "whenever",
                ),
                default="next-turn",
            ),
            Field(
                "expires",
                "Seconds until it is given up; a week unless told, 30 days at most.",
                "number",
                least=1,
                most=2592000,
            ),
            Field(
                "from_seat",
                "Seat on this node that answers go to.",
                label="SEAT",
            ),
            Field(
                "answer_id",
                "Id for the answer (a UUID), so that asking again does not send two.",
                "whole id",
            ),
            Field(
                "wait",
                "Wait until the message is in this state.",
                choices=(
                    "queued",
                    "sent",
                    "stored",
                    "offered",
                    "held",
                    "refused",
                    "seen",
                    "answered",
                    "expired",
                    "undeliverable",
                ),
                label="STATE",
            ),
            Field(
                "timeout",
                "Wait this long at the most.",
                "number",
                default="60",
                least=0,
            ),
            Field(
                "as_me",
                "Sign it as a person, with your SSH key; only in a terminal of your own.",
                "switch",
            ),
        ),
        ("folder", "signature", "signed_at"),
        "sending",
    ),
    "inbox": Command(
        "List received messages, newest first; reading the list marks nothing as read.",
        "List received messages, newest first; reading the list marks nothing as read.",
        "GET",
        "/inbox",
        (
            Field(
                "seat",
                "Only messages for this seat.",
            ),
            Field(
                "unread",
                "Only messages that nobody has read.",
                "switch",
            ),
            Field(
                "limit",
                "How many at the most.",
                "integer",
                default="50",
                least=1,
                most=1000,
            ),
        ),
        (),
        "",
    ),
    "unread": Command(
        "List the received messages that nobody has read.",
        "List the received messages that nobody has read.",
        "GET",
        "/messages/unread",
        (
            Field(
                "seat",
                "Only messages for this seat.",
            ),
            Field(
                "limit",
                "How many at the most.",
                "integer",
                default="50",
                least=1,
                most=1000,
            ),
        ),
        (),
        "",
    ),
    "read": Command(
        "Show one received message in full and mark it as read.",
        "Show one received message in full and mark it as read.",
        "POST",
        "/read",
        (
            Field(
                "id",
                "Id of the received message, or the start of it.",
                "prefix",
                positional=True,
                required=True,
            ),
        ),
        (),
        "",
    ),
    "inject": Command(
        "Send a message to one exact session, and to no other: not to the next one on its seat either.",
        (
            "Send a message to one exact session, and to no other: not to the next one on its "
            "seat either. If that session is not open there before the message expires, in "
            "ten minutes unless told, nobody sees it."
        ),
        "POST",
        "/inject",
        (
            Field(
                "node",
                "The machine that the session runs on.",
                positional=True,
                required=True,
            ),
            Field(
                "session",
                "Its client's id, as `sessions` shows it there.",
                positional=True,
                required=True,
            ),
            Field(
                "body",
                "Text of the message. '-' reads it from standard input.",
                "body",
                most=262144,
                positional=True,
                required=True,
            ),
            Field(
                "subject",
                "One line that says what it is about.",
            ),
            Field(
                "urgency",
                "When the session is to see it: now, next-turn or whenever.",
                choices=(
                    "next-turn",
                    "now",
                    "whenever",
                ),
                default="next-turn",
            ),
            Field(
                "expires",
                "Seconds until it is given up.",
                "number",
                default="600.0",
                least=1,
                most=2592000,
            ),
            Field(
                "wait",
                "Wait until the message is in this state.",
                choices=(
                    "queued",
                    "sent",
                    "stored",
                    "offered",
                    "held",
                    "refused",
                    "seen",
                    "answered",
                    "expired",
                    "undeliverable",
                ),
                label="STATE",
            ),
            Field(
                "timeout",
                "Wait this long at the most.",
                "number",
                default="60",
                least=0,
            ),
        ),
        ("folder",),
        "sending",
    ),
    "trace": Command(
        "Show every step of a message: what happened, when, where, and who says so.",
        "Show every step of a message: what happened, when, where, and who says so.",
        "GET",
        "/trace/{id}",
        (
            Field(
                "id",
                "Id of the message, or the start of it.",
                "prefix",
                positional=True,
                required=True,
            ),
            Field(
                "verify",
                "Check the signature of every statement.",
                "switch",
            ),
            Field(
                "wait",
                "Answer once the message has reached this state, or no longer can.",
                choices=(
                    "answered",
                    "expired",
                    "held",
                    "offered",
                    "queued",
                    "refused",
                    "seen",
                    "sent",
                    "stored",
                    "undeliverable",
                ),
                label="STATE",
            ),
            Field(
                "timeout",
                "Seconds to wait at the most.",
                "number",
                least=0,
            ),
            Field(
                "watch",
                "Print each step when it happens, until the last.",
                "switch",
            ),
        ),
        ("known",),
        "tracing",
    ),
    "ack": Command(
        "Say whether the recipient has signed that it has a message on disk.",
        "Say whether the recipient has signed that it has a message on disk.",
        "GET",
        "/ack/{id}",
        (
            Field(
                "id",
                "Id of the message, or the start of it.",
                "prefix",
                positional=True,
                required=True,
            ),
        ),
        (),
        "acknowledged",
    ),
    "receipts": Command(
        "List what recipients have stated about sent messages, newest first.",
        "List what recipients have stated about sent messages, newest first.",
        "GET",
        "/receipts",
        (
            Field(
                "id",
                "Only those of this message; its id, or the start of it.",
                "prefix",
                positional=True,
            ),
            Field(
                "limit",
                "How many at the most.",
                "integer",
                default="50",
                least=1,
                most=1000,
            ),
        ),
        (),
        "",
    ),
    "outbox": Command(
        "List sent messages and how far each has come, newest first.",
        "List sent messages and how far each has come, newest first.",
        "GET",
        "/outbox",
        (
            Field(
                "peer",
                "Only messages to this node.",
                positional=True,
            ),
            Field(
                "limit",
                "How many at the most.",
                "integer",
                default="50",
                least=1,
                most=1000,
            ),
        ),
        (),
        "",
    ),
    "dead": Command(
        "List messages that were given up: expired, refused or undeliverable, with the reason.",
        "List messages that were given up: expired, refused or undeliverable, with the reason.",
        "GET",
        "/dead",
        (
            Field(
                "limit",
                "How many at the most.",
                "integer",
                default="50",
                least=1,
                most=1000,
            ),
        ),
        (),
        "",
    ),
    "retry": Command(
        "Try a message again that was given up or that waits.",
        "Try a message again that was given up or that waits.",
        "POST",
        "/retry",
        (
            Field(
                "id",
                "Id of the sent message, or the start of it.",
                "prefix",
                positional=True,
                required=True,
            ),
        ),
        (),
        "",
    ),
    "verify": Command(
        "Say whether a person signed a message, and who.",
        (
            "Say whether a person signed a message, and who. Only a signature by a key of the "
            "file of allowed signers proves that; nothing in the text of a message does."
        ),
        "GET",
        "/verify/{id}",
        (
            Field(
                "id",
                "Id of the message, or the start of it.",
                "prefix",
                positional=True,
                required=True,
            ),
        ),
        (),
        "proving",
    ),
    "seat allow": Command(
        "Decide who may send what to the sessions of this machine.",
        (
            "Decide who may send what to the sessions of this machine. What a rule does not "
            "allow is refused, and its sender has that signed. Without any rule members may "
            "send all. The seat has to be one of this machine, and the sender's machine a "
            "member, unless the rule is forgotten."
        ),
        "POST",
        "/seats/allow",
        (
            Field(
                "what",
                "Tasks as well, context alone, or nothing; default forgets the rule.",
                choices=(
                    "context",
                    "default",
                    "nothing",
                    "task",
                ),
                positional=True,
                required=True,
            ),
            Field(
                "seat",
                "Only for this seat; else for all, and for this machine itself.",
            ),
            Field(
                "sender",
                "Only from this NODE or NODE/SEAT; else from everybody.",
            ),
        ),
        (),
        "",
    ),
    "stop": Command(
        "Show no more messages to the agent sessions of a seat, of this machine or of the whole fleet.",
        (
            "Show no more messages to the agent sessions of a seat, of this machine or of the "
            "whole fleet. What comes meanwhile is kept, and is shown once it goes on. What a "
            "session has been shown already is not taken back."
        ),
        "POST",
        "/stop",
        (
            Field(
                "seat",
                "Only this seat of this machine; else the machine.",
            ),
            Field(
                "all",
                "The whole fleet, also machines that are away now; for captains.",
                "switch",
            ),
            Field(
                "undo",
                "Let it go on.",
                "switch",
            ),
        ),
        (),
        "",
    ),
    "seat rules": Command(
        "List who may send what to the sessions of this machine.",
        "List who may send what to the sessions of this machine.",
        "GET",
        "/seats/rules",
        (),
        (),
        "",
    ),
    "status": Command(
        (
            "Show the fleet as this node sees it: who is there, how that is known, what "
            "waits, and what does not work."
        ),
        (
            "Show the fleet as this node sees it: who is there, how that is known, what "
            "waits, and what does not work."
        ),
        "GET",
        "/status",
        (
            Field(
                "line",
                "One line of at most 120 characters, for a status bar.",
                "switch",
            ),
            Field(
                "dot",
                "One dot: ● all is well, ◐ something waits or is missing, ○ no daemon or a fault here.",
                "switch",
            ),
            Field(
                "watch",
                "Show it anew whenever something changes, until it is interrupted.",
                "switch",
            ),
        ),
        ("known", "timeout"),
        "picture",
    ),
    "health": Command(
        "Say whether the daemon answers.",
        "Say whether the daemon answers.",
        "GET",
        "/health",
        (),
        (),
        "",
    ),
    "stats": Command(
        "Show the counters since the daemon started.",
        "Show the counters since the daemon started.",
        "GET",
        "/stats",
        (),
        (),
        "",
    ),
    "peers": Command(
        (
            "List the other nodes of the fleet: the state of each, how it is known, "
            "addresses, branch, sessions, load."
        ),
        (
            "List the other nodes of the fleet: the state of each, how it is known, "
            "addresses, branch, sessions, load."
        ),
        "GET",
        "/peers",
        (
            Field(
                "node",
                "Only this node, with all that is known of it.",
                positional=True,
            ),
            Field(
                "watch",
                "Show it anew whenever something changes, until it is interrupted.",
                "switch",
            ),
        ),
        ("known", "timeout"),
        "picture",
    ),
    "channels": Command(
        (
            "Show every channel to every peer: its state, when it worked last, how quick it "
            "is, or why there is none."
        ),
        (
            "Show every channel to every peer: its state, when it worked last, how quick it "
            "is, or why there is none."
        ),
        "GET",
        "/channels",
        (
            Field(
                "peer",
                "Only the channels to this node.",
                positional=True,
            ),
        ),
        (),
        "",
    ),
    "doctor": Command(
        "Check this node and say what to do about each fault.",
        "Check this node and say what to do about each fault.",
        "GET",
        "/doctor",
        (
            Field(
                "check",
                "Make only this check.",
                positional=True,
            ),
        ),
        (),
        "doctor",
    ),
    "down": Command(
        "Stop the daemon; messages that wait are kept.",
        "Stop the daemon; messages that wait are kept.",
        "POST",
        "/down",
        (),
        (),
        "down",
    ),
    "repair": Command(
        "Climb the repair ladder for the broken channels to a node now, or show the ladder.",
        (
            "Climb the repair ladder for the broken channels to a node now, or show the "
            "ladder. It is climbed by itself as well; at most three times an hour a node is "
            "turned to about repairs, by hand or not. What reaches nobody does not count."
        ),
        "POST",
        "/repair",
        (
            Field(
                "node",
                "Node whose broken channels are to be repaired; none only shows the ladder.",
                positional=True,
            ),
            Field(
                "level",
                (
                    "L1 mends this side, L2 tells the node, L3 repairs its daemon over SSH, L4 tells "
                    "you; none: the next."
                ),
                choices=(
                    "L1",
                    "L2",
                    "L3",
                    "L4",
                ),
            ),
            Field(
                "anyway",
                (
                    "Also where the node was turned to three times within the hour; three times more "
                    "at the most."
                ),
                "switch",
            ),
            Field(
                "local",
                (
                    "Mend this machine's own daemon: start it again where it has crashed or does not "
                    "answer, clear a dead socket of it, or have a repair agent look, where "
                    "config.json allows one."
                ),
                choices=(
                    "daemon",
                    "socket",
                    "agent",
                ),
                label="WHAT",
            ),
            Field(
                "by",
                "With --local: who asks came over SSH, and names the home on standard input.",
                choices=(
                    "ssh",
                ),
            ),
        ),
        (),
        "repairing",
    ),
    "why": Command(
        "Say what is wrong with a peer, how sure that is, and how it is known; takes up to ten seconds.",
        (
            "Say what is wrong with a peer, how sure that is, and how it is known; takes up "
            "to ten seconds. Joins what this machine sees with what the peer itself signs, "
            "over whatever channel it answers, and with what other members say. Nothing is "
            "called proved while anything else could be the cause."
        ),
        "GET",
        "/why/{node}",
        (
            Field(
                "node",
                "Id of the peer.",
                positional=True,
                required=True,
            ),
        ),
        (),
        "",
    ),
    "check": Command(
        (
            "Try every channel to a peer now, or to all of them, and say what came of each; "
            "nobody is disturbed by it."
        ),
        (
            "Try every channel to a peer now, or to all of them, and say what came of each; "
            "nobody is disturbed by it."
        ),
        "GET",
        "/check",
        (
            Field(
                "node",
                "Id of the peer; all of them are tried where none is named.",
                positional=True,
            ),
            Field(
                "all",
                "Every peer.",
                "switch",
            ),
        ),
        (),
        "checking",
    ),
    "discover": Command(
        "Show what is heard on the network: nodes, where they may be, and which have not joined.",
        "Show what is heard on the network: nodes, where they may be, and which have not joined.",
        "GET",
        "/discover",
        (),
        (),
        "",
    ),
    "wake": Command(
        (
            "Wake a machine that sleeps, after asking its daemon and then its SSH server "
            "whether it sleeps at all."
        ),
        (
            "Wake a machine that sleeps, after asking its daemon and then its SSH server "
            "whether it sleeps at all. Wake-on-LAN packets, three at the most, are sent from "
            "this machine or from a member on the sleeper's own network segment. What waits "
            "for it is delivered as soon as it is heard."
        ),
        "POST",
        "/wake",
        (
            Field(
                "node",
                "Its id.",
                positional=True,
                required=True,
            ),
            Field(
                "timeout",
                "Seconds to wait until it is heard.",
                "number",
                default="30.0",
                least=0,
                most=60,
            ),
        ),
        (),
        "waked",
    ),
    "cloud": Command(
        (
            "Create a cloud session by your Claude Code routine and give it a text, which "
            "leaves the fleet by that."
        ),
        (
            "Create a cloud session by your Claude Code routine and give it a text, which "
            "leaves the fleet by that. The answer says that the session was created, and no "
            "more. It is asked for once: where the outcome is not known, look at your "
            "sessions before you ask again."
        ),
        "POST",
        "/cloud",
        (
            Field(
                "text",
                "What the session is told. '-' reads it from standard input.",
                "body",
                positional=True,
                required=True,
            ),
        ),
        (),
        "",
    ),
    "tunnel": Command(
        "Open an SSH tunnel to a node's daemon, list the tunnels, or stop them.",
        (
            "Open an SSH tunnel to a node's daemon, list the tunnels, or stop them. Messages "
            "to the node go through it as long as it is there. It is opened anew when it "
            "breaks, and after a restart."
        ),
        "POST",
        "/tunnel",
        (
            Field(
                "node",
                "Open a tunnel to this node.",
                positional=True,
            ),
            Field(
                "local_port",
                "Port here; 0: the configured one, else any that is free.",
                "integer",
                least=0,
                most=65535,
            ),
            Field(
                "list",
                "Only list the tunnels; so does the command without a node.",
                "switch",
            ),
            Field(
                "stop",
                "Stop the tunnel to the node, or without a node all of them.",
                "switch",
            ),
        ),
        (),
        "",
    ),
    "sessions": Command(
        (
            "List the agent sessions that are open in the fleet: who runs what where, idle "
            "since when, on which branch."
        ),
        (
            "List the agent sessions that are open in the fleet: who runs what where, idle "
            "since when, on which branch."
        ),
        "GET",
        "/sessions",
        (
            Field(
                "here",
                "Only those of this machine.",
                "switch",
            ),
        ),
        (),
        "",
    ),
    "sessions gold": Command(
        "Show in a few words what the open sessions of this machine are about.",
        (
            "Show in a few words what the open sessions of this machine are about. The words "
            "come from names of files and code that a session worked on, and from its branch; "
            "never from what was said. They stay on this machine."
        ),
        "GET",
        "/sessions/gold",
        (
            Field(
                "session",
                "Only this session, by the client's id of it.",
                positional=True,
            ),
        ),
        (),
        "",
    ),
    "seats": Command(
        "List the seats of this node: the addresses that peers write to.",
        "List the seats of this node: the addresses that peers write to.",
        "GET",
        "/seats",
        (),
        (),
        "",
    ),
    "seat bind": Command(
        "Give the agent sessions of a project folder an address that lasts.",
        "Give the agent sessions of a project folder an address that lasts.",
        "POST",
        "/seats",
        (
            Field(
                "name",
                "Name of the seat: lower-case letters, digits, '.', '_' and '-'.",
                positional=True,
                required=True,
            ),
            Field(
                "folder",
                "Project folder whose sessions sit there.",
                "folder",
                positional=True,
                required=True,
            ),
            Field(
                "default",
                "Let messages without a seat wait here.",
                "switch",
            ),
        ),
        (),
        "",
    ),
    "seat remove": Command(
        "Remove a seat; messages for it wait at the default seat.",
        "Remove a seat; messages for it wait at the default seat.",
        "POST",
        "/seats/remove",
        (
            Field(
                "name",
                "Name of the seat.",
                positional=True,
                required=True,
            ),
        ),
        (),
        "",
    ),
    "seat dnd": Command(
        "Show the sessions of a seat nothing but alerts for a while; messages wait in the inbox.",
        "Show the sessions of a seat nothing but alerts for a while; messages wait in the inbox.",
        "POST",
        "/seats/dnd",
        (
            Field(
                "name",
                "Name of the seat.",
                positional=True,
                required=True,
            ),
            Field(
                "until",
                "How long (30m, 2h, 1d) or until when (18:30); until it is turned off, unless told.",
            ),
            Field(
                "off",
                "Disturb it again.",
                "switch",
            ),
        ),
        (),
        "",
    ),
    "hook": Command(
        "Tell the daemon of a session's hook, and take the text that waits for it.",
        "Tell the daemon of a session's hook, and take the text that waits for it.",
        "POST",
        "/hook",
        (
            Field(
                "event",
                "Which hook runs.",
                choices=(
                    "session-start",
                    "user-prompt-submit",
                    "stop",
                ),
                positional=True,
                required=True,
            ),
        ),
        (),
        "hook",
    ),
    "init": Command(
        "Make this machine a node: create its keys and its home.",
        "Make this machine a node: create its keys and its home.",
        "POST",
        "/init",
        (
            Field(
                "node",
                "Id for this node; its host name unless told.",
            ),
        ),
        (),
        "setup",
    ),
    "invite": Command(
        "Make a one-time code, good for ten minutes, that lets one machine join.",
        "Make a one-time code, good for ten minutes, that lets one machine join.",
        "POST",
        "/invite",
        (
            Field(
                "at",
                "Address of this node that the other machine shall call, as HOST:PORT.",
                "places",
            ),
            Field(
                "role",
                "What the machine may decide: a captain lets others in and puts them out, a worker does not.",
                choices=(
                    "captain",
                    "worker",
                ),
                default="captain",
            ),
        ),
        (),
        "setup",
    ),
    "join": Command(
        "Join the fleet of the machine that made the code.",
        "Join the fleet of the machine that made the code.",
        "POST",
        "/join-fleet",
        (
            Field(
                "code",
                (
                    "The code that invite showed on the other machine. '-' reads it from standard "
                    "input; left out at a terminal, it is asked for. What is typed into the command "
                    "can be seen by other users of this machine while it runs."
                ),
                "secret",
                positional=True,
                required=True,
            ),
            Field(
                "at",
                "Address of the other machine as HOST:PORT, if the code's own does not do.",
                "places",
            ),
        ),
        (),
        "setup",
    ),
    "rotate-keys": Command(
        "Renew the key for exchange with peers (done by itself every 30 days), and show how far that is.",
        "Renew the key for exchange with peers (done by itself every 30 days), and show how far that is.",
        "POST",
        "/rotate-keys",
        (
            Field(
                "show",
                "Change nothing; only show how far the last renewal is.",
                "switch",
            ),
        ),
        (),
        "",
    ),
    "receive": Command(
        "Take a frame from standard input and answer it on standard output.",
        "Take a frame from standard input and answer it on standard output.",
        "POST",
        "/receive",
        (
            Field(
                "by",
                (
                    "The channel by which it came; over ssh, what waits here for its sender is given "
                    "back as well."
                ),
                choices=(
                    "local",
                    "ssh",
                ),
                default="local",
            ),
        ),
        (),
        "receive",
    ),
    "roster": Command(
        "Show who is in the fleet, in which role and let in by whom, and who is out and why.",
        "Show who is in the fleet, in which role and let in by whom, and who is out and why.",
        "GET",
        "/roster",
        (),
        (),
        "",
    ),
    "revoke": Command(
        "Put a machine out of the fleet for good, on all members, for example because it was stolen.",
        (
            "Put a machine out of the fleet for good, on all members, for example because it "
            "was stolen. Only a captain can. What is on its way to it becomes undeliverable, "
            "what it sends is refused, and nobody whom it lets in from now on is in. Nothing "
            "takes that back: it comes back only with new keys."
        ),
        "POST",
        "/revoke",
        (
            Field(
                "node",
                "Its id, or the beginning of its key as roster shows it.",
                positional=True,
                required=True,
            ),
            Field(
                "reason",
                "Why, in a few words that all members see.",
            ),
            Field(
                "with_admitted",
                "Put out whom it had let in as well.",
                "switch",
            ),
            Field(
                "bring_others_back",
                "Bring back those whom it had put out; it stays out itself.",
                "switch",
            ),
            Field(
                "yes",
                "Do it without asking; without a terminal nobody could be asked.",
                "switch",
            ),
        ),
        (),
        "setup",
        "Revoke {node}{key}? It can only come back with new keys.",
    ),
    "settle": Command(
        "Decide for this machine alone with whom it holds where two captains have put each other out.",
        (
            "Decide for this machine alone with whom it holds where two captains have put "
            "each other out. No other machine is told. A third captain's revoke settles it "
            "for all."
        ),
        "POST",
        "/settle",
        (
            Field(
                "node",
                "Captain to hold with: its id, or the beginning of its key as roster shows it.",
                positional=True,
                required=True,
            ),
            Field(
                "undo",
                "Take it back: the dispute is open here again.",
                "switch",
            ),
        ),
        (),
        "setup",
    ),
    "leave": Command(
        "Leave the fleet: tell the members, and be a fleet of one again with the same keys and inbox.",
        (
            "Leave the fleet: tell the members, and be a fleet of one again with the same "
            "keys and inbox. What waits to be delivered becomes undeliverable. A captain's "
            "invitation lets it in again."
        ),
        "POST",
        "/leave",
        (
            Field(
                "yes",
                "Do it without asking; without a terminal nobody could be asked.",
                "switch",
            ),
        ),
        (),
        "setup",
        (
            "Leave the fleet? What waits to be delivered is given up, and only a captain's "
            "invitation leads back."
        ),
    ),
    "up": Command(
        "Start the daemon and wait until it answers.",
        (
            "Start the daemon and wait until it answers. It listens on port 8855 of all "
            "addresses, unless told or configured otherwise."
        ),
        "",
        "",
        (
            Field(
                "foreground",
                "Stay in the foreground, and log to standard error.",
                "switch",
            ),
            Field(
                "supervised",
                (
                    "Start it again when it is killed, ends by a fault, or does not answer; for "
                    "machines without systemd or launchd."
                ),
                "switch",
            ),
            Field(
                "port",
                "Port to listen on; 0 takes any that is free.",
                "integer",
                least=0,
                most=65535,
            ),
            Field(
                "bind",
                "Address to listen on.",
                "texts",
            ),
        ),
        (),
        "up",
    ),
    "service install": Command(
        "Have the system start the daemon, now and at each login.",
        (
            "Have the system start the daemon, now and at each login, and again when it ends "
            "by a fault: a systemd user unit on Linux, a launchd agent on macOS. It finds "
            "programs where your shell does now."
        ),
        "",
        "",
        (
            Field(
                "print",
                "Show what would be written, and do nothing.",
                "switch",
            ),
        ),
        (),
        "service",
    ),
    "service uninstall": Command(
        "Undo `service install`; the daemon that runs by it is stopped.",
        "Undo `service install`; the daemon that runs by it is stopped.",
        "",
        "",
        (),
        (),
        "service",
    ),
    "service status": Command(
        "Say whether the system keeps the daemon running.",
        "Say whether the system keeps the daemon running; exit status 1 where it does not.",
        "",
        "",
        (),
        (),
        "service",
    ),
    "plugin install": Command(
        "Have Claude Code install the plugin: hooks, tools, slash commands, skills and agents.",
        (
            "Have Claude Code install the plugin: hooks, tools, slash commands, skills and "
            "agents. How its settings were is remembered for `plugin uninstall`."
        ),
        "",
        "",
        (),
        (),
        "plugin_files",
    ),
    "plugin uninstall": Command(
        "Undo `plugin install`; the settings are as they were, with what was changed since.",
        (
            "Undo `plugin install`: the settings are byte for byte as they were before, with "
            "what you changed since, and the client's copy of the plugin is removed."
        ),
        "",
        "",
        (),
        (),
        "plugin_files",
    ),
    "hooks install": Command(
        "Put the hooks into the settings of an agent client, where the plugin is not wanted.",
        (
            "Put the hooks into the settings of an agent client, where the plugin is not "
            "wanted. What stands there stays as it is, and `hooks uninstall` gives it back "
            "byte for byte."
        ),
        "",
        "",
        (
            Field(
                "client",
                "Of which agent client.",
                choices=(
                    "claude",
                    "codex",
                    "gemini",
                    "qwen",
                ),
                default="claude",
            ),
        ),
        (),
        "hook_files",
    ),
    "hooks uninstall": Command(
        "Undo `hooks install`; the settings are as they were, with what was changed since.",
        (
            "Undo `hooks install`: the settings are byte for byte as they were before. What "
            "you changed in them since stays changed."
        ),
        "",
        "",
        (
            Field(
                "client",
                "Of which agent client.",
                choices=(
                    "claude",
                    "codex",
                    "gemini",
                    "qwen",
                ),
                default="claude",
            ),
        ),
        (),
        "hook_files",
    ),
    "hooks status": Command(
        "Say whether the hooks stand in the settings of an agent client.",
        (
            "Say whether the hooks stand in the settings of an agent client; exit status 1 "
            "where not all of them do."
        ),
        "",
        "",
        (
            Field(
                "client",
                "Of which agent client.",
                choices=(
                    "claude",
                    "codex",
                    "gemini",
                    "qwen",
                ),
                default="claude",
            ),
        ),
        (),
        "hook_files",
    ),
    "mcp": Command(
        "Serve the operations as MCP tools on standard input and output.",
        "Serve the operations as MCP tools on standard input and output, for any client that speaks MCP.",
        "",
        "",
        (
            Field(
                "all",
                "Offer every operation instead of the dozen that agents need.",
                "switch",
            ),
            Field(
                "up",
                "Make this machine a node and start its daemon first, where that is not done yet.",
                "switch",
            ),
        ),
        (),
        "programs",
    ),
    "demo": Command(
        "Show it at work: three nodes on this machine, one of them killed under way.",
        (
            "Show it at work: three nodes on this machine send messages, one of them is "
            "killed and started again under way, one way between them after the other goes "
            "dark, and every receipt is there at the end."
        ),
        "",
        "",
        (
            Field(
                "brief",
                "Leave out how the ways go dark and come back, which takes a minute.",
                "switch",
            ),
        ),
        (),
        "programs",
    ),
    "version": Command(
        "Print the version.",
        "Print the version.",
        "",
        "",
        (),
        (),
        "version",
    ),
}

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Getting started",
        (
            "init",
            "invite",
            "join",
            "up",
            "down",
            "demo",
        ),
    ),
    (
        "Who is in the fleet",
        (
            "roster",
            "revoke",
            "settle",
            "leave",
        ),
    ),
    (
        "Messages",
        (
            "send",
            "inject",
            "reply",
            "inbox",
            "unread",
            "read",
        ),
    ),
    (
        "Where is it",
        (
            "trace",
            "ack",
            "verify",
            "receipts",
            "outbox",
            "dead",
            "retry",
        ),
    ),
    (
        "This node and the others",
        (
            "status",
            "health",
            "doctor",
            "peers",
            "discover",
            "channels",
            "tunnel",
            "rotate-keys",
            "stats",
        ),
    ),
    (
        "Where nobody answers",
        (
            "why",
            "check",
            "wake",
            "cloud",
        ),
    ),
    (
        "Keeping it up",
        (
            "repair",
            "service install",
            "service uninstall",
            "service status",
        ),
    ),
    (
        "Agent sessions",
        (
            "sessions",
            "sessions gold",
            "seats",
            "seat bind",
            "seat dnd",
            "seat remove",
        ),
    ),
    (
        "Who may say what",
        (
            "seat allow",
            "seat rules",
            "stop",
        ),
    ),
    (
        "Agent clients",
        (
            "plugin install",
            "plugin uninstall",
            "hooks install",
            "hooks uninstall",
            "hooks status",
        ),
    ),
    (
        "For other programs",
        (
            "mcp",
            "hook",
            "receive",
            "version",
        ),
    ),
)
