"""What was found out about one peer, as values: by this node, by the peer itself, and by third members.

Gathered elsewhere; nothing here judges it. What was not tried is None or absent, which excludes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum


class Connect(StrEnum):
    """How opening a TCP connection ended."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "no answer"
    NO_ROUTE = "no route"
    NO_NAME = "unknown name"


class Greeting(StrEnum):
    """What GET /health brought on an open connection."""

    UNASKED = ""
    OK = "ok"
    MUTE = "no answer"
    ELSE = "something else"


class Store(StrEnum):
    """Whether a node can write what it is given."""

    OK = "ok"
    FULL = "full"
    READ_ONLY = "read_only"
    BROKEN = "broken"


class Heard(StrEnum):
    """Whether a third member hears the peer."""

    YES = "yes"
    NO = "no"
    ASLEEP = "asleep"


@dataclass(frozen=True, slots=True)
class Knock:
    """One address of the peer's daemon, tried at the TCP port."""

    address: str
    end: Connect
    greeting: Greeting = Greeting.UNASKED


@dataclass(frozen=True, slots=True)
class Asked:
    """One signed question over one channel."""

    channel: str
    answered: bool
    """Whether a signed answer came, a refusal included."""
    refusal: str = ""
    """The word of a signed refusal."""
    stranger: bool = False
    """Whether somebody answered, without a signature, as to a stranger."""
    words: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PeerWord:
    """What the peer itself signed, in answer to a question of this moment."""

    channel: str
    running: bool
    """Whether its daemon answered; else a program that holds the store while no daemon can."""
    uptime: float = 0.0
    """Seconds since its daemon started."""
    store: Store | None = None
    disk_free: int | None = None
    """Megabytes."""
    offset: float | None = None
    """The clock of its machine minus that of this one, in seconds; None where the answer was too slow to tell."""
    version: str = ""
    addresses: tuple[str, ...] = ()
    """Where it says that it can be reached."""
    listens: tuple[str, ...] = ()
    """Those of them at which it has just reached its own daemon."""
    reaches: Connect | None = None
    """The best end of its connections to this node's addresses, tried now."""
    tried: tuple[str, ...] = ()
    """Those addresses."""
    failures: int = 0
    """Of its direct channel to this node, in a row."""
    heard_this: float | None = None
    """Seconds since it heard this node."""


@dataclass(frozen=True, slots=True)
class ThirdWord:
    """What another member says of the peer; signed by that member, which proves nothing about the peer."""

    node: str
    heard: Heard
    seconds: float | None = None
    """Since it heard the peer."""
    address: str = ""
    """From where."""
    answers: bool | None = None
    """Whether a signed round trip between the two has just worked."""
    stranger: bool = False
    """Whether the peer answers it as a stranger, too."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Small and large questions sent by turns to one address: how many were answered."""

    small: int = 0
    small_of: int = 0
    large: int = 0
    large_of: int = 0
    small_after: bool = False
    """Whether a small one was answered when the large ones had been given up."""


@dataclass(frozen=True, slots=True)
class NatsWord:
    """The NATS server that both are to meet at."""

    at: str
    end: Connect
    greets: bool = False
    """Whether it said what a NATS server says first."""
    here: bool = False
    """Whether it is to run on this very machine, where nothing lies between."""
    fault: str = ""
    """Why this node is not connected to it, though it has tried."""
    configured: bool = False
    """Whether this machine's configuration names it."""


@dataclass(frozen=True, slots=True)
class ChiefWord:
    """The chief, where that is neither this node nor the peer."""

    node: str
    there: bool
    end: Connect | None = None
    """The best end of connections to it, tried now."""
    says_no_daemon: bool = False
    carries: bool = False
    """Whether a channel to the peer goes by way of it and does not work now."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Messages to the peer that lie somewhere, and for which it has not signed."""

    where: str
    """By which way, and where."""
    messages: int
    seconds: float
    """Since the first of them was left there."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    node: str
    version: str = ""
    """Of this node."""
    out: str = ""
    """How the peer is out of the fleet, by documents that this node verified: revoked, left, orphaned, disputed."""
    me_out: str = ""
    """The same of this node."""
    other_key_shown: bool = False
    """Whether a machine of the peer's name has asked to be let in with another key."""
    new_key: bool = False
    """Whether the roster gave the name to another key lately."""
    store: Store = Store.OK
    """Of this node."""
    state: str = "suspect"
    """Presence: alive, suspect, dead, asleep, left."""
    said_stopped: bool = False
    heard: float | None = None
    """Seconds since something authentic came straight from it, when all tries were over."""
    heard_from: str = ""
    pinged: bool | None = None
    """Whether a ping of this moment was answered."""
    knocks: tuple[Knock, ...] = ()
    knocks_again: tuple[Knock, ...] = ()
    """The same addresses, tried once more when the peer's own word had come."""
    lasted: float = 0.0
    """Seconds from the beginning to the end of all tries."""
    looked_for: float = 0.0
    """Seconds from the first knock to the peer's word."""
    asked: tuple[Asked, ...] = ()
    word: PeerWord | None = None
    new_address_answers: str = ""
    """An address that the peer named just now, and where a signed round trip worked, while no other did."""
    sizes: Sizes | None = None
    third: tuple[ThirdWord, ...] = ()
    hears_anybody: bool | None = None
    """Whether this node hears any other member; None where there is none."""
    strangers_to: tuple[str, ...] = ()
    """Other members that lately answered this node as a stranger."""
    ssh: Connect | None = None
    """The peer's SSH port."""
    host_key_changed: bool = False
    nats: NatsWord | None = None
    chief: ChiefWord | None = None
    ever_direct: bool = True
    """Whether a direct round trip ever worked."""
    failures: int = 0
    """Of the direct channel, in a row."""
    own_listens: tuple[str, ...] = ()
    """This node's addresses at which it has just reached its own daemon."""
    off: tuple[str, ...] = ()
    """Channels that this machine's configuration turns off for the peer."""
    lying: tuple[Lying, ...] = ()
    own_faults: tuple[str, ...] = ()
    """What this machine's configuration names for a way, and what does not work of it."""
    not_tried: tuple[str, ...] = ()
    """The addresses that it names itself by, where none of them may be tried from here."""
