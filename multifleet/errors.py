"""Everything that can go wrong and that a caller can do something about, one class for each.

The message is one line and says what to do, where several things are wrong a line for each (`lines`); `status` is the
HTTP status, `code` the word that scripts match on.
"""

from typing import ClassVar


class MultifleetError(Exception):
    """Base of all errors that are told to the user."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "failed"

    @property
    def lines(self) -> tuple[str, ...]:
        """The message, a line for each thing that is wrong."""
        return (str(self),)


class BadInput(MultifleetError):
    """The request itself is wrong: nothing was changed."""

    status = 400
    code = "bad_input"


class ConfigError(MultifleetError):
    """A configuration file or environment variable cannot be used."""

    status = 400
    code = "bad_config"


class BadSettings(ConfigError):
    """What stands in a configuration file cannot be used, for one reason or several."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self._reasons = reasons

    @property
    def lines(self) -> tuple[str, ...]:
        return self._reasons


class UnknownNode(MultifleetError):
    """No member of the fleet has this id."""

    status = 404
    code = "unknown_node"


class UnknownSeat(MultifleetError):
    """The node has no such seat."""

    status = 404
    code = "unknown_seat"


class UnknownSession(MultifleetError):
    """No open agent session has this id."""

    status = 404
    code = "unknown_session"


class UnknownMessage(MultifleetError):
    """No message has this id."""

    status = 404
    code = "unknown_message"


class TooLarge(MultifleetError):
    """The body is over the limit."""

    status = 413
    code = "too_large"


class OverBudget(MultifleetError):
    """Agents have said as much as they may without a person."""

    status = 429
    code = "over_budget"


class InviteWrong(MultifleetError):
    """The join code is not one of an open invitation."""

    status = 403
    code = "invite_wrong"


class InviteExpired(MultifleetError):
    """The join code was right once, and its ten minutes are over or it was used."""

    status = 410
    code = "invite_expired"


class NotEntitled(MultifleetError):
    """This machine may not decide that: it is no captain."""

    status = 403
    code = "not_entitled"


class Revoked(MultifleetError):
    """The machine was put out of the fleet; with the same keys it never comes back."""

    status = 403
    code = "revoked"


class FleetConflict(MultifleetError):
    """This node already belongs to a fleet with other members."""

    status = 409
    code = "fleet_conflict"


class KeyChanged(MultifleetError):
    """A known node shows another identity key than the pinned one."""

    status = 409
    code = "key_changed"


class NotCaptain(MultifleetError):
    """Only a captain may decide this; the message says which machines are."""

    status = 403
    code = "not_captain"


class KeyUnavailable(MultifleetError):
    """This process cannot read the node's private keys."""

    status = 503
    code = "key_unavailable"


class AlreadyRunning(MultifleetError):
    """Another daemon holds this home."""

    status = 409
    code = "already_running"


class NotRunning(MultifleetError):
    """No daemon answers for this home."""

    status = 503
    code = "not_running"


class PortInUse(MultifleetError):
    """Another program listens on the daemon's port."""

    status = 409
    code = "port_in_use"


class StoreUnavailable(MultifleetError):
    """The store cannot be written now: disk full or read-only. It recovers by itself."""

    status = 507
    code = "store_unavailable"


class StoreDamaged(MultifleetError):
    """The store file is not readable as a database."""

    status = 503
    code = "store_damaged"


class PeerUnreachable(MultifleetError):
    """The other machine did not answer."""

    status = 502
    code = "peer_unreachable"
