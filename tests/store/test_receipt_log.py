"""Two nodes and a network that loses answers, repeats frames and reorders: every statement arrives, once."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from multifleet.store.rows import InboundFrame, InboxChange, LogRow, Refusal
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import frame

MESSAGES = [f"message-{n}" for n in range(6)]
NEXT = {"stored": "offered", "offered": "held", "held": "seen", "seen": "answered"}


class Exchange(RuleBasedStateMachine):
    """mac1 sends to the node under test and keeps what it is told, as far as it is told without a gap."""

    @initialize()
    def open(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.now = NOW
        self.store = self.runner.run(self._open())
        self.frames: list[InboundFrame] = []
        self.told: dict[int, tuple[str, str]] = {}
        self.have = 0
        self.states: dict[str, str] = {}
        self.refused: set[str] = set()
        self.last_message_at = 0.0

    async def _open(self) -> Store:
        return Store.open(self.home, NOW)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.quiet()
            self.runner.run(self.store.aclose())
            self.runner.close()
            shutil.rmtree(self.home)

    def take(self, log: tuple[LogRow, ...] | list[LogRow]) -> None:
        """What the sender does with statements."""
        for row in log:
            said = (row.message_id, row.state)
            assert self.told.setdefault(row.seq, said) == said, "a number was used twice"
        while self.have + 1 in self.told:
            self.have += 1

    def send(self, one: InboundFrame, *, arrives: bool) -> None:
        self.frames.append(one)
        received = self.runner.run(self.store.inbox.receive(one))
        assert not received.replay
        for row, result, state in zip(one.rows, received.results, received.states, strict=True):
            assert result == ("duplicate" if row.id in self.states else "stored")
            assert state == self.states.setdefault(row.id, "stored")
        self.refused.update(refusal.id for refusal in one.refused)
        if arrives:
            self.take(received.log)

    @rule(
        ids=st.lists(st.sampled_from(MESSAGES), max_size=4),
        refused=st.lists(st.sampled_from(["bad-1", "bad-2"]), max_size=1),
        arrives=st.booleans(),
        later=st.floats(0.0, 3.0),
    )
    def a_frame(self, ids: list[str], refused: list[str], arrives: bool, later: float) -> None:
        self.now += later
        turned = tuple(Refusal(id_, "refused", "no") for id_ in refused)
        one = frame(f"nonce {len(self.frames)}", *ids, have=self.have, at=self.now, refused=turned)
        self.send(one, arrives=arrives)

    @rule(count=st.integers(2, 5), ids=st.lists(st.sampled_from(MESSAGES), max_size=3), back=st.booleans())
    def frames_side_by_side(self, count: int, ids: list[str], back: bool) -> None:
        made = [frame(f"nonce {len(self.frames) + n}", *ids, have=self.have, at=self.now) for n in range(count)]
        self.frames += made

        async def all_at_once() -> list[tuple[LogRow, ...]]:
            received = await asyncio.gather(*(self.store.inbox.receive(one) for one in made))
            return [one.log for one in received]

        answers = self.runner.run(all_at_once())
        for id_ in ids:
            self.states.setdefault(id_, "stored")
        for log in reversed(answers) if back else answers:
            self.take(log)

    @precondition(lambda self: self.frames)
    @rule(data=st.data())
    def a_replay(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.frames))
        received = self.runner.run(self.store.inbox.receive(old))
        assert received.replay
        assert received.log == ()
        assert received.states == tuple(self.states[row.id] for row in old.rows)

    @precondition(lambda self: self.states)
    @rule(data=st.data(), durable=st.booleans())
    def a_message_moves(self, data: st.DataObject, durable: bool) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.states)))
        state = NEXT.get(self.states[id_])
        if state is None:
            return
        self.states[id_] = state
        change = InboxChange("mac1", id_, state, self.now)

        async def move() -> None:
            if durable:
                assert await self.store.inbox.advance([change]) == [True]
            else:
                self.store.inbox.advance_later([change])

        self.runner.run(move())

    @rule()
    def a_restart(self) -> None:
        self.runner.run(self.store.aclose())
        self.store = self.runner.run(self._open())

    @invariant()
    def nothing_is_there_twice(self) -> None:
        if not hasattr(self, "store"):
            return
        rows = self.runner.run(self.store.inbox.listing(1_000))
        assert sorted(row.id for row in rows) == sorted(self.states)
        assert {row.id: row.state for row in rows} == self.states

    def quiet(self) -> None:
        """Without losses everything gets through in the end, and then the log is empty."""
        for _ in range(3):
            self.now += 5.0
            self.send(frame(f"nonce {len(self.frames)}", have=self.have, at=self.now), arrives=True)
        last = {id_: state for _, (id_, state) in sorted(self.told.items())}
        assert last == self.states | dict.fromkeys(self.refused, "refused")
        assert self.have == max(self.told, default=0)
        assert self.runner.run(self.store.inbox.peers_with_log()) == {}


TestExchange = Exchange.TestCase
TestExchange.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
