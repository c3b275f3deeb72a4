"""Asks a member anew what its clock says where something of it shows that one of the two has been set.

Frames and datagrams outside the window of either end are refused, so two nodes between which that happens hear nothing
of each other until each of them has learned the other's time. What gives rise to a doubt may be an old recording:
nothing is learned from it, few questions are asked, and nothing is sent anew before one was answered.
"""

from collections.abc import Callable

from multifleet.core.limits import TokenBucket
from multifleet.node.clock import NodeClock
from multifleet.node.members import Member, Members

FIRST_AGAIN, LAST_AGAIN = 3.0, 300.0
"""Seconds after which the same member is asked again; doubled each time that nothing new was learned."""
AT_ONCE, PER_SECOND = 16.0, 1.0
"""Questions of all doubts together."""
DIFFERS = 60.0
"""Seconds by which a member's own time may be another one than is expected: it may have been on the way for long."""


class ClockDoubts:
    """One for the node."""

    def __init__(self, members: Members, clock: NodeClock, ask: Callable[[str], None]) -> None:
        """`ask`: have a member tell its time, over whatever answers."""
        self._members = members
        self._clock = clock
        self._ask = ask
        self._asked: dict[str, tuple[float | None, float, float]] = {}
        self._bucket = TokenBucket(AT_ONCE, PER_SECOND)

    def told(self, member: Member, time: float) -> None:
        """A fresh frame of a member says what time it is there."""
        if abs(time - self._clock.now() - (member.offset or 0.0)) > DIFFERS:
            self.outside_window(member.node)

    def outside_window(self, node: str) -> None:
        """Something that a member made for this node was stamped by another clock than this one."""
        member, now = self._members.get(node), self._clock.monotonic()
        if member is None:
            return
        learned, not_before, wait = self._asked.get(node, (None, 0.0, FIRST_AGAIN))
        if node in self._asked and learned != member.offset:
            not_before, wait = 0.0, FIRST_AGAIN
        if now < not_before or self._bucket.take(now) > 0.0:
            return
        self._asked[node] = (member.offset, now + wait, min(LAST_AGAIN, 2 * wait))
        self._ask(node)
