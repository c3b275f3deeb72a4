"""What can be wrong with a peer or with the ways to it, and how sure that is."""

from enum import StrEnum


class Cause(StrEnum):
    """What is wrong."""

    NONE = "nothing is wrong"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    LEFT = "left the fleet"
    KEY_CHANGED = "key changed"
    DISK_FULL = "disk full"
    STORE_BROKEN = "store cannot be written"
    DAEMON_DOWN = "daemon down"
    ASLEEP = "asleep"
    VERSION_MISMATCH = "version mismatch"
    CLOCK_OFF = "clock off"
    ADDRESS_CHANGED = "address changed"
    MTU_BLACK_HOLE = "MTU black hole"
    PORT_BLOCKED = "port blocked one way"
    CUT_OFF = "this machine is cut off"
    HOST_KEY_CHANGED = "host key changed"
    NATS_DOWN = "NATS down"
    CHIEF_DOWN = "chief down"


class Confidence(StrEnum):
    """How sure that is."""

    PROVED = "proved"  # the fault itself was seen or signed by whoever has it, or everything else is excluded
    LIKELY = "likely"  # what was found fits, and fits something else as well
    UNKNOWN = "unknown"


FAULTS = frozenset(Cause) - {Cause.NONE, Cause.UNKNOWN}
