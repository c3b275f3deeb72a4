"""P4 against a real sshd: frames are left whole, only where nobody else can meddle."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from multifleet.channels import seed_files
from multifleet.channels.base import ChannelError, Parcel, Success, Target
from multifleet.channels.seed import ABSENT_EVERY, SeedChannel, _Peer
from multifleet.channels.seed_files import find_home
from multifleet.channels.ssh_connections import Kept, SshConnections
from multifleet.channels.ssh_facts import DEFAULT_HOME
from multifleet.core.drop import OUT_NAME, way_of
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.ssh_packets import SshTold
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd, closing_once
from tests.node.fleet import until

pytestmark = pytest.mark.usefixtures("user_home")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The peer's home."""
    home = tmp_path / "theirs"
    (home / "drop").mkdir(parents=True, mode=0o700)
    (home / "out" / "mac1").mkdir(parents=True, mode=0o700)
    return home


@pytest.fixture
async def seed(tmp_path: Path, sshd: Sshd, theirs: Path) -> AsyncIterator[tuple[SeedChannel, Target, HereNow]]:
    """mac1's channel, and mac2, of whose home it has been told."""
    now, connections = HereNow(tmp_path / "mine"), SshConnections()
    channel = SeedChannel(connections)
    async with AsyncExitStack() as stack:
        await channel.start(stack, now.here)
        connections.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home=str(theirs)))
        yield channel, Target("mac2", configured=sshd.entry()), now
        await now.aclose()


Seed = tuple[SeedChannel, Target, HereNow]


def lying(theirs: Path) -> list[Path]:
    return sorted((theirs / "drop").iterdir())


async def test_a_frame_lies_in_the_drop_folder_of_the_peer(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    carried = await channel.deliver(target, Parcel(b"mf1 one", ids=("a",)))
    assert (carried.success, carried.where, carried.brought) == (Success.PARKED, "drop/ of mac2", ())
    [path] = lying(theirs)
    assert path.read_bytes() == b"mf1 one" and path.stat().st_mode & 0o777 == 0o600 and way_of(path.name) == "seed"


@pytest.mark.parametrize("when_kept", [False, True], ids=["a new one", "one that was used before"])
async def test_a_connection_that_somebody_closed_before_anything_went_out_costs_no_attempt(
    seed: Seed, theirs: Path, monkeypatch: pytest.MonkeyPatch, when_kept: bool
) -> None:
    channel, target, _ = seed
    had = closing_once(channel._connections, monkeypatch, when_kept=when_kept)
    for number in range(1 + when_kept):
        await channel.deliver(target, Parcel(b"mf1 frame", ids=(str(number),)))
    assert len(lying(theirs)) == 1 + when_kept
    assert len({id(kept.connection) for kept in had}) == 2


async def test_a_large_frame_lies_there_whole(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    frame = os.urandom(FRAME_LIMIT)
    await channel.deliver(target, Parcel(frame))
    (theirs / "out" / "mac1" / OUT_NAME).write_bytes(frame[::-1])
    assert [path.read_bytes() == frame for path in lying(theirs)] == [True]
    assert (await channel.deliver(target, Parcel(b"mf1 one"))).brought == (frame[::-1],)


async def test_what_the_peer_left_is_brought_once(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    (theirs / "out" / "mac1" / OUT_NAME).write_bytes(b"mf1 for mac1")
    assert (await channel.deliver(target, Parcel(b"mf1 one"))).brought == (b"mf1 for mac1",)
    assert (await channel.deliver(target, Parcel(b"mf1 two"))).brought == ()


async def test_messages_sent_anew_replace_what_lies_there_of_them(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    await channel.deliver(target, Parcel(b"mf1 a", ids=("a",)))
    await channel.deliver(target, Parcel(b"mf1 b", ids=("b",)))
    await channel.deliver(target, Parcel(b"mf1 ab", ids=("a", "b")))
    assert [path.read_bytes() for path in lying(theirs)] == [b"mf1 ab"]
    os.unlink(lying(theirs)[0])
    await channel.deliver(target, Parcel(b"mf1 abc", ids=("a", "b", "c")))
    assert [path.read_bytes() for path in lying(theirs)] == [b"mf1 abc"]


async def test_a_place_for_what_the_peer_leaves_is_made(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    (theirs / "out" / "mac1").rmdir()
    (theirs / "out").rmdir()
    await channel.deliver(target, Parcel(b"mf1 one"))
    assert [(theirs / place).stat().st_mode & 0o777 for place in ("out", "out/mac1")] == [0o700, 0o700]


@pytest.mark.parametrize("what", ["link", "pipe", "giant", "folder"])
async def test_planted_files_are_not_followed_and_never_block(seed: Seed, theirs: Path, what: str) -> None:
    channel, target, _ = seed
    path, secret = theirs / "out" / "mac1" / OUT_NAME, theirs / "secret"
    secret.write_bytes(b"secret")
    if what == "link":
        path.symlink_to(secret)
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        with path.open("wb") as giant:
            giant.truncate(1 << 32)
    async with asyncio.timeout(20):
        assert (await channel.deliver(target, Parcel(b"mf1 one"))).brought == ()


async def test_a_drop_folder_that_is_a_link_or_open_to_others_is_not_used(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    (theirs / "drop").chmod(0o777)
    with pytest.raises(ChannelError, match="no folder of one user alone"):
        await channel.deliver(target, Parcel(b"mf1 one"))
    (theirs / "drop").rmdir()
    (theirs / "elsewhere").mkdir()
    (theirs / "drop").symlink_to(theirs / "elsewhere")
    with pytest.raises(ChannelError, match="no folder of one user alone"):
        await channel.deliver(target, Parcel(b"mf1 one"))
    assert list((theirs / "elsewhere").iterdir()) == []


async def test_who_logs_in_as_another_user_than_the_daemons_leaves_nothing(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(theirs / "drop", 1234, 1234)
    with pytest.raises(ChannelError, match="is another user than the one"):
        await channel.deliver(target, Parcel(b"mf1 one"))
    assert lying(theirs) == []


@pytest.mark.parametrize(("node", "says"), [("mac2", ""), ("mac9", "is the home of mac9"), ("", "is no node's home")])
async def test_before_the_peer_has_told_its_home_the_usual_one_is_used_only_where_it_is_the_peers(
    tmp_path: Path, sshd: Sshd, node: str, says: str
) -> None:
    usual = sshd.folder / "home" / ".multifleet"
    (usual / "drop").mkdir(parents=True, mode=0o700)
    if node:
        (usual / "node").write_text(f"{node}\n")
    try:
        async with AsyncExitStack() as stack:
            channel, target = SeedChannel(SshConnections()), Target("mac2", configured=sshd.entry())
            await channel.start(stack, HereNow(tmp_path / "mine").here)
            if says:
                with pytest.raises(ChannelError, match=says):
                    await channel.deliver(target, Parcel(b"mf1 one"))
            else:
                await channel.deliver(target, Parcel(b"mf1 one"))
        assert len(list((usual / "drop").iterdir())) == (0 if says else 1)
    finally:
        shutil.rmtree(usual)


async def test_a_peer_without_a_home_there_is_told_in_words(seed: Seed, theirs: Path) -> None:
    channel, target, _ = seed
    (theirs / "drop").rmdir()
    with pytest.raises(ChannelError, match=f"there is no {theirs}/drop"):
        await channel.deliver(target, Parcel(b"mf1 one"))


async def test_the_second_frame_costs_a_hundredth_of_a_connection(seed: Seed, sshd: Sshd, theirs: Path) -> None:
    channel, target, _ = seed
    began = time.perf_counter()
    await channel.deliver(target, Parcel(b"mf1 cold"))
    cold = time.perf_counter() - began
    warm = []
    for _ in range(20):
        began = time.perf_counter()
        await channel.deliver(target, Parcel(b"mf1 warm", ids=("a",)))
        warm.append(time.perf_counter() - began)
    print(f"cold {cold * 1000:.1f} ms, warm {sorted(warm)[10] * 1000:.2f} ms")
    assert sorted(warm)[10] < cold
    await until(lambda: sshd.sessions() == 1)  # those of earlier tests end soon


async def test_what_a_peer_leaves_later_is_fetched_by_itself(seed: Seed, theirs: Path) -> None:
    channel, target, now = seed
    now.targets.append(target)
    now.statuses = [507, 200]
    loop = asyncio.create_task(channel._look())
    try:
        await channel.deliver(target, Parcel(b"mf1 one"))
        (theirs / "out" / "mac1" / OUT_NAME).write_bytes(b"mf1 for mac1")
        await until(lambda: len(now.received) == 2)
    finally:
        loop.cancel()
    assert now.received == [(b"mf1 for mac1", "out/ of mac2", "seed", True)] * 2, "there was no room at first"


async def test_a_look_that_fails_takes_none_of_those_away_that_were_to_follow(
    seed: Seed, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, target, now = seed
    now.targets.append(target)
    failures, fetch = [ChannelError("an unlucky moment")], seed_files.fetch

    async def unlucky(*given: Any) -> Any:
        if failures:
            raise failures.pop()
        return await fetch(*given)

    monkeypatch.setattr("multifleet.channels.seed.LOOKS", tuple(0.2 * times for times in range(100)))
    await channel.deliver(target, Parcel(b"mf1 one"))
    monkeypatch.setattr(seed_files, "fetch", unlucky)
    (theirs / "out" / "mac1" / OUT_NAME).write_bytes(b"mf1 for mac1")
    loop = asyncio.create_task(channel._look())
    try:
        await until(lambda: now.received)
    finally:
        loop.cancel()
    assert not failures and now.counts["seed_look_failed"] == 1


async def test_a_server_that_gives_megabytes_for_a_name_is_told_of_in_a_line(sshd: Sshd) -> None:
    class Talks(asyncssh.SFTPServer):
        def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
            return asyncssh.SFTPAttrs(permissions=0o40700, uid=0)

        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            return object()

        def read(self, file_obj: object, offset: int, size: int) -> bytes:
            return b"x" * 3_900_000

        def close(self, file_obj: object) -> None:
            pass

    class LetsIn(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    key = asyncssh.generate_private_key("ssh-ed25519")
    async with (
        await asyncssh.listen("127.0.0.1", 0, server_factory=LetsIn, server_host_keys=[key], sftp_factory=Talks) as at,
        asyncssh.connect("127.0.0.1", at.get_port(), known_hosts=None, username="x", config=None) as connection,
        connection.start_sftp_client() as sftp,
    ):
        with pytest.raises(ChannelError) as refused:
            await find_home(sftp, Kept("mac2", "x@mac2", connection), DEFAULT_HOME)
    assert "is the home of xxxx" in str(refused.value) and len(str(refused.value)) < 250


async def test_a_peer_on_whose_kept_connection_no_look_succeeds_is_not_looked_at_at_every_wake(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, target, _ = seed
    monkeypatch.setattr(channel._connections, "is_open", lambda node: True)
    visited = 1_000.0
    channel._peers["mac2"] = _Peer(absent_at=visited + 80.0, absent_wait=80.0)
    assert not channel._is_due(target, visited + ABSENT_EVERY - 1.0)
    assert channel._is_due(target, visited + ABSENT_EVERY)
