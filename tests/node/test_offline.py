"""What the command line does on a home without a daemon."""

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from multifleet.errors import AlreadyRunning, InviteWrong, PeerUnreachable
from multifleet.node.keys.keystore import node_of
from multifleet.node.offline import (
    COMMANDS_SECONDS,
    FRAME_SECONDS,
    PARKED,
    offline_init,
    offline_invite,
    offline_join,
    offline_leave,
    offline_receive,
    offline_revoke,
)
from tests.held_home import held_home
from tests.node.fleet import until
from tests.node.served import Daemons


async def test_a_machine_that_is_no_node_yet_is_made_one_by_joining(daemons: Daemons, tmp_path: Path) -> None:
    (mac1,) = await daemons.up("mac1")
    code = (await mac1.node.invite([mac1.address])).code
    home = tmp_path / "fresh"
    joined = await asyncio.to_thread(offline_join, home, code, [])
    assert (joined.inviter, joined.running) == ("mac1", False)
    assert mac1.node.members.get(joined.node) is not None
    assert (home / "keys" / "identity.json").exists()


def test_a_mistyped_code_makes_no_node(tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    with pytest.raises(InviteWrong, match="mistyped"):
        offline_join(home, "2454T-0014A-BGYNF-6EWFG-R5HKZ-150F", [])
    assert not home.exists()


async def test_a_join_that_reaches_nobody_says_that_it_has_made_a_node(daemons: Daemons, tmp_path: Path) -> None:
    (mac1,) = await daemons.up("mac1")
    home = tmp_path / "fresh"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
        code = (await mac1.node.invite([f"127.0.0.1:{taken.getsockname()[1]}"])).code
        for named in (True, False):
            with pytest.raises(PeerUnreachable) as told:
                await asyncio.to_thread(offline_join, home, code, [])
            assert "connection refused" in str(told.value)
            assert (f"this home is node {node_of(home)} now" in str(told.value)) is named


async def test_a_machine_is_put_out_without_a_daemon_and_the_others_hear_of_it(daemons: Daemons) -> None:
    mac1, mac2, laptop = await daemons.up("mac1", "mac2", "laptop")
    for guest in (mac2, laptop):
        await guest.node.join((await mac1.node.invite([mac1.address])).code, [])
    await until(lambda: mac2.node.members.get("laptop"))
    await mac1.down()
    result = await asyncio.to_thread(offline_revoke, mac1.home, "laptop", "stolen", False, False)
    assert (result.how, result.told, result.running) == ("revoked", True, False)
    assert (result.heard, result.not_heard) == (("mac2",), ())
    await until(lambda: mac2.node.members.get("laptop") is None)
    assert laptop.node.rostering.view.me_out is not None
    await mac1.up()
    assert mac1.node.members.get("laptop") is None


async def test_a_machine_leaves_without_a_daemon(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])
    await mac2.down()
    log = logging.getLogger("multifleet")
    handlers = list(log.handlers)
    left = await asyncio.to_thread(offline_leave, mac2.home)
    assert left.told == ["mac1"]
    assert "member_out node=mac1" in (mac2.home / "logs" / "daemon.log").read_text()
    assert log.handlers == handlers
    await until(lambda: mac1.node.members.get("mac2") is None)
    await mac2.up()
    assert [member.node for member in mac2.node.members] == ["mac2"]
    assert mac2.node.members.fleet == left.new_fleet


def test_a_users_command_waits_for_frames_that_are_being_taken_and_a_frame_is_parked_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    offline_init(home, "mac1")
    with held_home(home, monkeypatch) as passing:
        with pytest.raises(AlreadyRunning, match="is writing to"):
            offline_invite(home, [], "captain")
        assert COMMANDS_SECONDS <= passing.now < COMMANDS_SECONDS + 1
        passing.now = 0.0
        assert offline_receive(home, b"mf1 mac2 mac1 kid 1 nonce mac\nsealed").status == PARKED
        assert FRAME_SECONDS <= passing.now < FRAME_SECONDS + 1
