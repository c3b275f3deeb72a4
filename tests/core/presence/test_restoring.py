"""What a node remembers of the others when it starts again: shown as not confirmed, until there is word of them."""

import pytest

from multifleet.core.presence.effects import Changed, Confirmed, Effect, Send
from multifleet.core.presence.engine import Presence
from multifleet.core.presence.gossip import Gossip
from multifleet.core.presence.peer import WAS_ALIVE, WAS_SUSPECT
from multifleet.core.presence.states import PresenceState
from tests.core.presence.test_engine import BEGIN, engine

START = 100.0


def restored(state: PresenceState, how: str = "answers pings") -> Presence:
    presence = engine()
    presence.set_members(["mac2", "mac3"], START)
    presence.restore("mac2", state, START - 70, how, BEGIN)
    presence.tick(START)
    return presence


def run(presence: Presence, seconds: float, incarnation: int | None) -> list[Effect]:
    """Let time pass: mac2 answers all pings in this incarnation, or none, and mac3 all. What became of mac2."""
    found: list[Effect] = []
    answers = 0
    answering = {"mac2": incarnation, "mac3": BEGIN}
    while presence.next_due() < START + seconds:
        now = presence.next_due()
        effects = presence.tick(now)
        for effect in list(effects):
            if isinstance(effect, Send) and effect.gossip.kind == "ping" and (said := answering[effect.to]):
                answers += 1
                ack = Gossip(kind="ack", boot="0" * 16, count=answers, re=effect.gossip.count, incarnation=said)
                effects += presence.hear(effect.to, ack, now + 0.01)
        found += effects
    return [effect for effect in found if isinstance(effect, Changed | Confirmed) and effect.name == "mac2"]


def test_who_was_alive_is_not_called_alive_before_there_is_word_of_it() -> None:
    peer = restored(PresenceState.ALIVE).peer("mac2")
    assert (peer.state, peer.how, peer.since) == (PresenceState.SUSPECT, WAS_ALIVE, START)


def test_who_answers_in_the_same_run_has_been_alive_all_the_time() -> None:
    presence = restored(PresenceState.ALIVE)
    assert run(presence, 1.0, BEGIN) == [Confirmed("mac2")]
    peer = presence.peer("mac2")
    assert (peer.state, peer.since, peer.flaps, peer.apart) == (PresenceState.ALIVE, START - 70, 0, None)
    assert peer.heard_by == "answer"


def test_who_was_started_meanwhile_is_alive_since_it_answered() -> None:
    presence = restored(PresenceState.ALIVE)
    assert [type(effect) for effect in run(presence, 1.0, BEGIN + 5)] == [Changed]
    peer = presence.peer("mac2")
    assert (peer.state, peer.flaps) == (PresenceState.ALIVE, 0) and peer.since >= START


def test_who_does_not_answer_is_dead_within_seconds() -> None:
    presence = restored(PresenceState.ALIVE)
    [change] = run(presence, 8.0, None)
    assert isinstance(change, Changed) and change.after is PresenceState.DEAD and "unanswered" in change.how


def test_who_was_suspected_is_not_said_to_have_been_pinged_in_this_run() -> None:
    peer = restored(PresenceState.SUSPECT, "5 pings unanswered").peer("mac2")
    assert (peer.state, peer.how) == (PresenceState.SUSPECT, WAS_SUSPECT)


@pytest.mark.parametrize("state", [PresenceState.DEAD, PresenceState.ASLEEP])
def test_who_was_gone_stays_so_with_its_since(state: PresenceState) -> None:
    peer = restored(state, "as it was").peer("mac2")
    assert (peer.state, peer.how, peer.since) == (state, "as it was", START - 70)
