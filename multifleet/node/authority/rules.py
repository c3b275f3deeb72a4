"""Rules for what may be sent here, as a user sets them: for seats that there are, and for senders that may come.

What a rule means is decided in core/permission.py; admission keeps them. A rule can be forgotten whatever it is about.
"""

from collections.abc import Callable, Collection

from multifleet.core.permission import EVERYBODY, Level
from multifleet.errors import UnknownSeat
from multifleet.node.authority.admission import Admission
from multifleet.node.members import Members
from multifleet.node.offering.seats import Seats


class Rules:
    """One for the node."""

    def __init__(
        self, admission: Admission, seats: Seats, members: Members, expected: Callable[[], Collection[str]]
    ) -> None:
        """`expected`: machines that are configured and have not come yet."""
        self._admission = admission
        self._seats = seats
        self._members = members
        self._expected = expected

    async def allow(self, seat: str, sender: str, level: Level | None) -> None:
        """Set a rule, or forget it (None); UnknownSeat or UnknownNode says which there are."""
        if level is not None:
            if seat != EVERYBODY and not self._seats.exists(seat):
                raise UnknownSeat(self._seats.unknown(seat))
            machine = sender.partition("/")[0]
            if machine not in (EVERYBODY, self._members.identity.node, *self._expected()):
                self._members.need(machine)
        await self._admission.allow(seat, sender, level)
