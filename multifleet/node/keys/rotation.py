"""Renews this node's X25519 key: install, use, remove. Nothing that is on its way is refused meanwhile.

install  The new key is made and stored, then frames under it are opened, and only then is anybody told (a new card).
use      A peer is written to under the new key once a frame of it has shown that it holds the new card. The node itself
         switches at once.
remove   The old key is destroyed when no member needs it any more and the longest life of a message under it is over.

Where it stands is in the keys themselves and in the store: a node that is started anew goes on where it was.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from multifleet.core.keys import Identity
from multifleet.core.packets import EXPIRES_LIMIT
from multifleet.errors import BadInput, KeyUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.keys.key_notes import StoredKeyNotes
from multifleet.node.keys.keystore import is_fixed, save_identity, tidy
from multifleet.node.members import Members
from multifleet.operations.fleet_views import OlderKeyView, PeerKeyView, RotationView

DAY = 86_400.0
MOST_OLDER = 8
"""Keys that may be waiting for their removal; what opens a frame is sought among all of them."""
CHECK_EVERY = 60.0
"""Seconds."""


class Rotation:
    """One for the node."""

    def __init__(
        self,
        home: Path,
        members: Members,
        notes: StoredKeyNotes,
        clock: NodeClock,
        counters: Counters,
        *,
        renew_days: float,
        publish: Callable[[], Awaitable[None]],
    ) -> None:
        """`publish` signs and spreads this node's card with the key that it has now."""
        self._home = home
        self._members = members
        self._notes = notes
        self._clock = clock
        self._counters = counters
        self._renew_after = renew_days * DAY
        self._publish = publish
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Install a new key; KeyUnavailable where it cannot be stored, and then nothing has changed."""
        async with self._lock:
            identity = self._members.identity
            if len(identity.older) >= MOST_OLDER:
                raise BadInput(self._why_not_yet())
            # To the millisecond: who was let in before was given the card with the old key.
            now = math.ceil(self._clock.now() * 1000) / 1000
            await self._take(identity.rotated(secrets.token_bytes(32), now, now + EXPIRES_LIMIT))
            self._counters.count("keys_renewed")
        await self._publish()

    async def run(self) -> None:
        """Look now and then what is due, until cancelled."""
        async with self._lock:
            await asyncio.to_thread(tidy, self._home)
        while True:
            await self.check()
            await asyncio.sleep(CHECK_EVERY)

    async def check(self) -> None:
        """Do what is due: destroy what nobody needs, renew what is old."""
        try:
            await self._remove()
            if self.renews_at is not None and self._clock.now() >= self.renews_at:
                await self.start()
        except (KeyUnavailable, BadInput) as error:
            self._counters.failed("key_renewal_failed", reason=error)

    @property
    def renews_at(self) -> float | None:
        """When the key is renewed without being asked; None where that is never."""
        made = self._members.identity.made
        return made + self._renew_after if made and self._renew_after and not is_fixed() else None

    def view(self) -> RotationView:
        """Where it stands."""
        identity = self._members.identity
        current = identity.exchange_public
        return RotationView(
            key=current.hex()[:16],
            made_at=identity.made,
            renews_at=self.renews_at,
            peers=[
                PeerKeyView(
                    node=member.node,
                    key=member.ring.in_use.hex()[:16],
                    switched=member.ring.in_use == current,
                    since=self._notes.shown_at(member.node) if member.ring.shown == member.ring.in_use else None,
                )
                for member in sorted(self._members.others(), key=lambda member: member.node)
            ],
            older=[
                OlderKeyView(
                    key=key.public.hex()[:16],
                    made_at=key.made,
                    removed_after=key.retire_after,
                    waits_for=[member.node for member in self._members.others() if member.ring.in_use == key.public],
                )
                for key in identity.older
            ],
        )

    async def _remove(self) -> None:
        now = self._clock.now()
        await self._notes.forget_older(now, now - EXPIRES_LIMIT)
        self._members.accept_older()
        async with self._lock:
            identity = self._members.identity
            left = identity.retired(now, {member.ring.in_use for member in self._members.others()})
            if left != identity:
                await self._take(left)
                self._counters.count("keys_removed", len(identity.older) - len(left.older))

    def _why_not_yet(self) -> str:
        older = self.view().older
        first = min(older, key=lambda key: (bool(key.waits_for), key.removed_after))
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(first.removed_after))
        heard = f" and {', '.join(first.waits_for)} was heard again, or is out" if first.waits_for else ""
        return (
            f"{len(older)} older keys are kept, because messages under them may still arrive, up to 30 days after each "
            f"was replaced: the next renewal is possible after {when}{heard} (multifleet rotate-keys --show lists them)"
        )

    async def _take(self, identity: Identity) -> None:
        """On disk first: a key that somebody was told of must never be lost."""
        await asyncio.to_thread(save_identity, self._home, identity)
        self._members.install(identity)
