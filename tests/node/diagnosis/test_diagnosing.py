"""What is wrong with a peer, found out by whole nodes over real HTTP."""

import asyncio
from pathlib import Path

import pytest

from multifleet.channels.nats import NatsChannel
from multifleet.channels.ssh import SshChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.witness import CanTell, Witness
from multifleet.core.diagnosis.evidence import Asked
from multifleet.core.evidence_packets import EvidenceAsk, EvidenceTold, SightAsk, SightTold
from multifleet.errors import BadInput, UnknownNode
from multifleet.node.checks import disk
from multifleet.node.checks.connecting import complaints
from multifleet.node.diagnosis import asking, gathering, telling
from multifleet.node.diagnosis.asking import Way
from multifleet.node.node import Node
from tests.node.fleet import until
from tests.node.roster.joined import joined
from tests.node.served import Daemon, Daemons


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one machine nothing is far away."""
    monkeypatch.setattr(gathering, "LISTEN_SECONDS", 0.6)
    monkeypatch.setattr(gathering, "PING_AGAIN", 0.2)


async def heard(*daemons: Daemon) -> None:
    """Wait until each hears all others."""
    for daemon in daemons:
        others = [other.name for other in daemons if other is not daemon]
        await until(lambda node=daemon.node, others=others: all(node.presence.is_there(name) for name in others))


async def why(daemon: Daemon, name: str) -> tuple[str, str]:
    found = await daemon.node.why(name)
    assert found.sentence.endswith(".") and found.evidence
    return found.cause, found.confidence


async def test_of_a_peer_that_answers_nothing_is_wrong(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await heard(mac1, mac2, mac3)
    found = await mac1.node.why("mac2")
    assert (found.cause, found.remedy, found.also) == ("nothing is wrong", "", ())
    told = "\n".join(found.evidence)
    for words in ("it answers over http, signed", "its clock agrees", "its store can be written", "mac3 hears it"):
        assert words in told


async def test_a_daemon_that_was_stopped_or_killed_is_called_down(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await heard(mac1, mac2, mac3)
    await mac2.vanish()
    assert await why(mac1, "mac2") == ("daemon down", "likely")
    await mac2.up()
    await heard(mac1, mac2)
    await mac2.down()
    found = await mac1.node.why("mac2")
    assert found.cause == "daemon down" and any("signed that its daemon stops" in words for words in found.evidence)
    assert "multifleet up" in found.remedy


async def test_a_clock_that_is_off_is_proved_by_the_peers_own_answer(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    mac2.time.wall_shift = 600
    await mac2.down()
    await mac2.up()
    assert await why(mac1, "mac2") == ("clock off", "proved")
    mac2.time.wall_shift = 0  # put right; the node's own clock never goes back
    assert await why(mac1, "mac2") == ("nothing is wrong", "likely")
    mac2.time.wall_shift = -600
    assert await why(mac1, "mac2") == ("clock off", "proved")
    mac1.time.wall_shift = -600  # both are wrong, and agree
    assert await why(mac1, "mac2") == ("nothing is wrong", "likely")


async def test_a_full_disk_is_proved_by_the_peers_own_word(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")

    def full(home: Path) -> None:
        if home == mac2.home:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_there", full)
    assert await why(mac1, "mac2") == ("disk full", "proved")
    mine = await mac2.node.why("mac1")
    assert mine.cause == "disk full" and mine.sentence.startswith("This machine")


async def test_who_was_put_out_is_called_revoked_on_both_sides(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac1.node.revoke("mac2", "stolen", False, False)
    assert await why(mac1, "mac2") == ("revoked", "proved")
    await until(lambda: mac2.node.rostering.view.me_out is not None or "mac2" not in mac3.node.rostering.view.members)
    cause, confidence = await why(mac2, "mac1")
    assert cause in ("revoked", "key changed")  # nobody may have told it yet, and then nothing is proved
    assert (confidence == "proved") is (mac2.node.rostering.view.me_out is not None)


async def test_another_version_is_told_where_nothing_else_is_wrong(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, _ = await joined(daemons, "mac1", "mac2")
    monkeypatch.setattr(gathering, "__version__", "99.0")
    found = await mac1.node.why("mac2")
    assert (found.cause, found.confidence) == ("version mismatch", "proved")
    assert "99.0" in found.sentence


async def test_large_questions_that_are_lost_while_small_ones_pass_prove_a_black_hole(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, _ = await joined(daemons, "mac1", "mac2")
    frames = Node.frames

    async def large_ones_lost(node: Node, body: bytes, remote: str) -> tuple[int, bytes]:
        if len(body) > 3_000:
            await asyncio.sleep(1.1)  # longer than anybody waits
        return await frames(node, body, remote)

    monkeypatch.setattr(asking, "LARGE_SECONDS", 0.5)
    monkeypatch.setattr(Node, "frames", large_ones_lost)
    assert await why(mac1, "mac2") == ("MTU black hole", "proved")


def test_channels_that_know_more_can_be_asked() -> None:
    assert isinstance(NatsChannel(), CanTell) and isinstance(SshChannel(SshConnections()), CanTell)


def test_a_host_key_that_was_refused_some_time_ago_is_no_evidence_of_now() -> None:
    words = "root@mac2: ITS HOST KEY IS ANOTHER"
    now = Way(Asked("ssh", answered=False, words=f"root@192.0.2.1: no route; {words}"))
    gone = Way(Asked("ssh", answered=False, words="root@mac2: connection refused"))
    witness = Witness(host_key_refused=words)
    assert gathering.host_key_changed([witness], [now])
    assert not gathering.host_key_changed([witness], [gone])
    assert not gathering.host_key_changed([Witness()], [now])


async def test_the_machine_itself_and_strangers_have_no_diagnosis(daemons: Daemons) -> None:
    (mac1,) = await daemons.up("mac1")
    with pytest.raises(BadInput, match="multifleet doctor"):
        await mac1.node.why("mac1")
    with pytest.raises(UnknownNode):
        await mac1.node.why("nobody")
    with pytest.raises(UnknownNode):
        await mac1.node.check_channels("nobody")


async def test_channels_are_tried_one_by_one(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    found = {row.channel: row for row in await mac1.node.check_channels(None)}
    assert found["http"].result == "answers" and found["http"].where == mac2.address
    assert found["http"].state == "healthy" and found["http"].seconds is not None
    await mac2.vanish()
    (row,) = [row for row in await mac1.node.check_channels("mac2") if row.channel == "http"]
    assert row.result == "fails" and "connect" in (row.reason or "").lower() and row.state == "degraded"


async def test_every_channel_to_every_peer_has_a_line_with_its_state_or_why_there_is_no_way(daemons: Daemons) -> None:
    mac1, _ = await joined(daemons, "mac1", "mac2")
    await mac1.delivers("mac2")
    listed = await mac1.node.channels_view(None)
    assert [row.channel for row in listed] == [channel.name for channel in mac1.node.channels]
    (http,) = [row for row in listed if row.channel == "http"]
    assert http.why_not is None and http.round_trip is not None and http.priority == "P2"
    mac1.configure(channels={"off": ["http"]}, port=mac1.port)
    await mac1.down()
    await mac1.up()
    (http,) = [row for row in await mac1.node.channels_view("mac2") if row.channel == "http"]
    assert http.why_not == "turned off in the configuration"
    assert "http is turned off here (channels.off)" in (await mac1.node.why("mac2")).evidence


async def test_a_member_tells_how_it_is_and_whom_it_hears(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await heard(mac1, mac2, mac3)
    told = await mac1.node.asking.ask("mac2", EvidenceAsk(look=True, pad="x" * 100, want=50), 5)
    assert isinstance(told, EvidenceTold)
    assert told.running and told.store == "ok" and told.reaches == "open" and told.tried == [mac1.address]
    assert told.listens == [mac2.address] and len(told.pad) == 50 and told.uptime < 60
    sight = await mac1.node.asking.ask("mac2", SightAsk(about="mac3"), 5)
    assert isinstance(sight, SightTold) and sight.heard == "yes" and sight.address == mac3.address
    for unknown in ("nobody", "mac1", "mac2"):
        assert await mac1.node.asking.ask("mac2", SightAsk(about=unknown), 5) == SightTold(heard="unknown")


async def test_a_member_has_no_port_tried_that_its_card_alone_claims(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await heard(mac1, mac2)
    knocked = asyncio.Event()

    async def victim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocked.set()
        writer.close()

    async with await asyncio.start_server(victim, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        member = mac2.node.members.need("mac1")
        member.addresses = (f"127.0.0.1:{port}", *member.addresses)
        told = await mac1.node.asking.ask("mac2", EvidenceAsk(look=True), 5)
    assert isinstance(told, EvidenceTold)
    assert (told.tried, told.reaches) == ([mac1.address], "open") and not knocked.is_set()


async def test_a_member_is_asked_at_an_address_that_was_just_named_and_nobody_else_is_believed_there(
    daemons: Daemons,
) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await heard(mac1, mac2, mac3)
    member = mac1.node.members.need("mac2")
    word = await asking.ask_at(mac1.node, member, mac2.address)
    assert word is not None and word.running and word.addresses == (mac2.address,)
    assert word.offset is not None and abs(word.offset) < 1
    assert await asking.ask_at(mac1.node, member, mac3.address) is None
    assert await asking.ask_at(mac1.node, member, "no address") is None


async def test_who_asks_without_end_is_told_to_wait(daemons: Daemons) -> None:
    mac1, _ = await joined(daemons, "mac1", "mac2")
    answers = await asyncio.gather(
        *(mac1.node.asking.ask("mac2", EvidenceAsk(), 5) for _ in range(telling.AT_ONCE + 5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert 1 <= len(refused) <= 5 and all("asked too often" in str(error) for error in refused)
    assert await mac1.node.check_channels("mac2")


async def test_where_this_end_leaves_no_way_its_own_settings_are_named(daemons: Daemons, tmp_path: Path) -> None:
    mac1, _ = await joined(daemons, "mac1", "mac2")
    remote = str(tmp_path / "nope.git")
    mac1.configure(channels={"off": ["http", "nats", "relay"]}, git={"remote": remote}, port=mac1.port)
    await mac1.down()
    await mac1.up()
    found = await mac1.node.why("mac2")
    assert f"git.remote: {remote}: No such file" in found.sentence and "channels.off" in found.remedy
    (peers,) = (await mac1.node.doctor(["peers"])).checks
    assert peers.level == "warn" and "through" not in (peers.remedy or "")
    assert (peers.remedy or "").startswith(
        "here: channels.off in config.json has http, nats, relay: take one out; mend"
    )
    assert f"git.remote: {remote}" in (peers.remedy or "")


async def test_a_nats_url_where_no_nats_server_is_is_told_by_why_status_and_doctor(daemons: Daemons) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    mac1, _ = await joined(daemons, "mac1", "mac2")
    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        mac1.configure(natsUrl=f"nats://{place}", port=mac1.port)
        await mac1.down()
        await mac1.up()
        await until(lambda: complaints(mac1.node))
        assert any(words.startswith(f"natsUrl: {place}") for words in (await mac1.node.status()).settings)
        (settings,) = (await mac1.node.doctor(["settings"])).checks
        assert settings.level == "warn" and f"natsUrl: {place}" in settings.says
        found = await mac1.node.why("mac2")
    assert (found.cause, found.confidence) == ("NATS down", "likely")
    assert place in found.sentence and "natsUrl" in found.remedy
