"""Native presence as a whole: builds its parts and ties them to where sessions are offered messages and answer."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from multifleet.core.native import Nodes, instance_of
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.enduring import Part
from multifleet.node.events import Events
from multifleet.node.native.idle import Asked, IdleWishes
from multifleet.node.native.notices import Notices
from multifleet.node.native.presence import NativePresence
from multifleet.node.native.serving import Serving
from multifleet.node.offering.offering import Offering
from multifleet.node.setup import Setup
from multifleet.sessions.claude_native import ClaudeNative
from multifleet.sessions.qwen_native import QwenNative
from multifleet.store.store import Store


class Native:
    """One for the node."""

    def __init__(
        self,
        setup: Setup,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        events: Events,
        offering: Offering,
        *,
        fleet: Callable[[], str],
        nodes: Callable[[], Nodes],
        is_there: Callable[[str], bool],
        ask: Asked,
    ) -> None:
        """`ask` finds out what the sessions on a remote seat do."""
        live, replies = offering.live, offering.replies
        dialects = (ClaudeNative(live.registry), QwenNative(offering.inboxes.qwen))
        self.is_on = setup.config.nativePresence
        self.serving = Serving(store, clock, counters, offering.clients, dialects)
        self.presence = NativePresence(
            setup.home,
            instance_of(setup.identity.node, store.created_at),
            clock,
            counters,
            live,
            replies,
            dialects,
            fleet=fleet,
            nodes=nodes,
            serves=self.serving.serves,
        )
        self.notices = Notices(
            store,
            clock,
            counters,
            events,
            live,
            replies,
            dialects,
            is_there,
            lambda address: address in self.presence.listed,
        )
        self.idle = IdleWishes(clock, counters, live.registry, replies, ask)
        replies.passed_on = self.notices.follow
        replies.not_passed_on = self.notices.not_sent
        replies.wished = self.idle.wish

    async def start(self, stack: AsyncExitStack) -> None:
        """Clear what a killed run left, and take up what it left open."""
        await self.presence.start(stack)
        await self.serving.load()
        await self.notices.load()

    @property
    def parts(self) -> dict[str, Part]:
        """What the engine runs; with native presence off, what sessions send to addresses that they were told."""
        parts: dict[str, Part] = {"native notices": self.notices.run, "idle wishes": self.idle.run}
        if self.is_on:
            parts |= {"native presence": self.presence.run, "native self-tests": self.serving.run}
        return parts
