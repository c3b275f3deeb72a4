"""The sessions of all machines on each of them: asked for when there is news, and when somebody looks."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from multifleet.core.presence.gossip import Facts
from multifleet.core.session_cards import marks
from multifleet.errors import UnknownSession
from multifleet.node.offering import own_cards, remote_sessions
from tests.node.fleet import Machine, Machines, until
from tests.node.offering.pretended import Pretended
from tests.node.presence.test_facts import repository

FACTS = Facts(version="1", branch="", commit="", sessions=1, seats=["api"], load=0.0, disk=1)


@pytest.fixture
async def pair(fleet: Machines) -> tuple[Machine, Machine]:
    """mac1 looks at what mac2 has."""
    mac1, mac2 = await fleet.started("mac1", "mac2")
    return mac1, mac2


@pytest.fixture
async def client(pair: tuple[Machine, Machine], tmp_path: Path) -> AsyncIterator[Pretended]:
    """A session on mac2, idle for five minutes, on a branch."""
    repository(tmp_path / "api", "fix-login")
    since = (time.time() - 300) * 1000
    config = Path(pair[1].config.claudeConfigDir or "")
    async with Pretended(config, tmp_path / "api", name="my secret plan", statusUpdatedAt=since) as client:
        yield client


def idle_since(client: Pretended) -> float:
    """Since when its record says so."""
    return float(client.record.record["statusUpdatedAt"]) / 1000


async def test_a_look_shows_the_sessions_of_the_other_machine(pair: tuple[Machine, Machine], client: Pretended) -> None:
    mac1, mac2 = pair
    listing = await mac1.node.sessions_view(False)
    assert (listing.sessions, listing.notes) == ([], [])
    [seen] = listing.peers
    assert (seen.address, seen.client, seen.status, seen.branch) == ("mac2/api", "claude", "idle", "fix-login")
    assert seen.since == pytest.approx(idle_since(client), abs=10)
    [own] = (await mac2.node.sessions_view(False)).sessions
    assert (own.seat, own.branch, own.since) == ("api", "fix-login", pytest.approx(idle_since(client), abs=10))
    assert (await mac1.node.sessions_view(True)).peers == []


async def test_a_machine_that_is_there_without_a_session_is_named_too(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    listing = await mac1.node.sessions_view(False)
    assert (listing.peers, listing.notes, listing.without) == ([], [], ["mac2"])
    mac1.network.severed.add("mac2")
    listing = await mac1.node.sessions_view(False)
    assert len(listing.notes) == 1 and listing.without == []


async def test_nothing_else_of_a_session_leaves_its_machine(pair: tuple[Machine, Machine], client: Pretended) -> None:
    told = msgspec.json.encode(await pair[1].node.own_cards.told()).decode()
    for kept in (str(client.folder), client.record.record["sessionId"], "my secret plan"):
        assert str(kept) not in told


async def test_a_machine_that_does_not_answer_is_named_and_shown_as_it_was(
    pair: tuple[Machine, Machine], client: Pretended
) -> None:
    mac1, _ = pair
    await mac1.node.sessions_view(False)
    mac1.network.severed.add("mac2")
    mac1.time.pass_(60.0)
    listing = await mac1.node.sessions_view(False)
    [seen] = listing.peers
    assert time.time() + 60 - seen.told_at >= 60
    assert seen.since == pytest.approx(idle_since(client), abs=10)
    [note] = listing.notes
    assert note.startswith("mac2: ") and note.endswith("shown is what it told last")


async def test_facts_that_tell_of_other_sessions_lead_to_one_question(
    pair: tuple[Machine, Machine], client: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_sessions, "EVERY", 0.01)
    remote = pair[0].node.remote_sessions
    for _ in range(3):
        remote.facts_came("mac2", FACTS)
    async with asyncio.timeout(30.0):
        await remote.changed.wait()
    assert [card.seat for card in remote.cards()["mac2"]] == ["api"]
    known = remote.known("mac2")
    remote.changed.clear()
    remote.facts_came("mac2", FACTS)
    remote.facts_came("mac2", msgspec.structs.replace(FACTS, load=1.0))
    remote.facts_came("mac2", msgspec.structs.replace(FACTS, sessions=0, seats=[]))
    async with asyncio.timeout(30.0):
        await remote.changed.wait()
    assert remote.cards() == {"mac2": ()} and remote.known("mac2") is not known


async def test_what_a_session_does_comes_with_facts_and_nobody_asks(
    pair: tuple[Machine, Machine], client: Pretended
) -> None:
    mac1, _ = pair
    remote = mac1.node.remote_sessions
    await mac1.node.sessions_view(False)
    mac1.network.severed.add("mac2")
    remote._answered["mac2"] = marks(FACTS)
    remote.changed.clear()
    remote.facts_came("mac2", msgspec.structs.replace(FACTS, doing="i"))
    assert not remote.changed.is_set(), "it was idle before"
    remote.facts_came("mac2", msgspec.structs.replace(FACTS, doing="b"))
    [card] = remote.cards()["mac2"]
    assert (card.seat, card.state, card.seconds, card.branch) == ("api", "busy", 0, "fix-login")
    assert remote.changed.is_set() and not remote._wanted


async def test_a_question_that_failed_is_asked_again_with_the_next_facts(
    pair: tuple[Machine, Machine], client: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_sessions, "EVERY", 0.01)
    mac1, _ = pair
    mac1.network.severed.add("mac2")
    mac1.node.remote_sessions.facts_came("mac2", FACTS)
    await until(lambda: mac1.node.counters.snapshot().get("sessions_not_told"))
    mac1.network.severed.discard("mac2")
    mac1.node.remote_sessions.facts_came("mac2", FACTS)
    await until(lambda: mac1.node.remote_sessions.cards().get("mac2"))


async def test_who_is_out_is_forgotten(pair: tuple[Machine, Machine], client: Pretended) -> None:
    mac1, _ = pair
    await mac1.node.sessions_view(False)
    remote = mac1.node.remote_sessions
    remote.changed.clear()
    mac1.node.members.remove("mac2")
    remote.members_changed()
    assert remote.changed.is_set() and not remote.cards()


async def test_however_many_ask_the_machine_is_looked_at_once_in_a_while(
    pair: tuple[Machine, Machine], client: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_cards, "EVERY", 60.0)
    mac2 = pair[1]
    first = await mac2.node.own_cards.told()
    assert all(told is first for told in await asyncio.gather(*(mac2.node.own_cards.told() for _ in range(20))))
    mac2.time.pass_(own_cards.EVERY)
    assert await mac2.node.own_cards.told() is not first


async def test_what_only_processes_and_transcripts_tell_of_is_shown_with_a_doubt_and_not_told(
    pair: tuple[Machine, Machine], client: Pretended
) -> None:
    mac1, mac2 = pair
    other = client.transcript.with_name("00000000-0000-4000-8000-000000000000.jsonl")
    other.touch()
    client.transcript.touch()
    found = {view.session: view for view in (await mac2.node.sessions_view(True)).sessions}
    named, unnamed = found[str(client.record.record["sessionId"])], found[other.stem]
    assert {"registry", "transcripts"} <= set(named.seen_by)
    assert (unnamed.seen_by, unnamed.delivers_by, unnamed.pid) == (["transcripts"], "none", None)
    assert unnamed.doubt is not None and "it may just have ended" in unnamed.doubt
    assert len((await mac1.node.sessions_view(False)).peers) == 1


async def test_gold_is_read_from_the_transcript_and_the_branch_on_its_own_machine(
    pair: tuple[Machine, Machine], client: Pretended
) -> None:
    used = {"type": "tool_use", "input": {"file_path": "/x/invoice_printer.py"}}
    client.transcript.write_text(json.dumps({"message": {"content": [used]}}) + "\n")
    [gold] = (await pair[1].node.gold_view(None)).sessions
    assert (gold.seat, gold.words) == ("api", ["invoice", "login", "printer"])
    with pytest.raises(UnknownSession, match="sessions --here"):
        await pair[1].node.gold_view("another")


async def test_who_told_of_a_moment_before_its_facts_is_asked_again(
    pair: tuple[Machine, Machine], client: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_sessions, "EVERY", 0.01)
    remote = pair[0].node.remote_sessions
    two = msgspec.structs.replace(FACTS, sessions=2, seats=["api", "web"])
    remote.facts_came("mac2", two)
    await until(lambda: remote.known("mac2"))
    first = remote.known("mac2")
    await until(lambda: remote.facts_came("mac2", two) or remote.known("mac2") is not first)
