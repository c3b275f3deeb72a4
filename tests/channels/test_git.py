"""Messages by the refs of a git repository: real git, and bare repositories on disk."""

import asyncio
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from multifleet.channels import git, git_incoming, git_outgoing, git_program
from multifleet.channels.base import ChannelError, Parcel, Success, Target
from multifleet.channels.git import GitChannel
from multifleet.core.git_packets import GitAsk, GitTold
from multifleet.sessions.processes import started_at
from tests.channels.git_world import MAIL, Repository, frame, node, until
from tests.channels.here import here

UNSEEN = "was not seen to look since this daemon started"


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "remote.git")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_outgoing, "GATHER_SECONDS", 0.05)


async def test_a_frame_is_left_fetched_and_removed(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        carried = await a.send("mac2")
        assert carried.success is Success.PARKED and carried.where == f"{remote.path}, where mac2 {UNSEEN}"
        assert len(remote.mailbox("mac2")) == 1
        assert await b.look() == "the git remote was asked anew: 1 letters were there"
        assert b.frames == [frame("mac1", "mac2")]
        await until(lambda: not remote.refs())
        await b.look()
        assert len(b.frames) == 1


async def test_the_repository_shows_neither_text_nor_names(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a:
        await a.send("mac2", b"the very text")
    kept = remote.objects() + "".join(remote.refs()).encode()
    for told in (b"mac1", b"mac2", b"the very text", b"mf1", b"f" * 32):
        assert told not in kept
    assert not remote.git("log", "--all")


async def test_what_comes_within_a_moment_goes_out_in_one_push(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a:
        asked: list[int] = []
        push = a.channel._outgoing._repository.push

        async def counted(letters: dict[str, bytes], gone: list[str] = []) -> dict[str, str]:  # noqa: B006
            asked.append(len(letters))
            return await push(letters, gone)

        a.channel._outgoing._repository.push = counted  # type: ignore[method-assign]
        await asyncio.gather(*(a.send(f"mac{n}", ids=(str(n),)) for n in range(2, 42)))
    assert asked == [40] and len(remote.refs()) == 40


async def test_the_recipient_leaves_its_answer_where_the_sender_looks(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        b.waiting["mac1"] = frame("mac2", "mac1", b"receipts")
        await a.send("mac2")
        await b.look()
        await until(lambda: len(remote.mailbox("mac1")) == 1 and not remote.mailbox("mac2"))
        await a.look()
        assert a.frames == [frame("mac2", "mac1", b"receipts")]


async def test_an_answer_that_has_grown_replaces_the_one_that_lies_there(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        b.waiting["mac1"] = frame("mac2", "mac1", b"stored")
        await a.send("mac2")
        await b.look()
        await until(lambda: len(remote.mailbox("mac1")) == 1)
        first = remote.mailbox("mac1")
        await b.look()
        b.waiting["mac1"] = frame("mac2", "mac1", b"stored and seen")
        await b.look()
        await until(lambda: remote.mailbox("mac1") != first and len(remote.mailbox("mac1")) == 1)
        await a.look()
        assert a.frames == [frame("mac2", "mac1", b"stored and seen")]


async def test_two_nodes_that_always_have_an_answer_do_not_keep_the_remote_busy(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_incoming, "ANSWERS_AT_ONCE", 2)
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        a.waiting["mac2"], b.waiting["mac1"] = frame("mac1", "mac2", b"more"), frame("mac2", "mac1")
        await a.send("mac2")
        for _ in range(5):
            await b.look()
            await until(lambda: not remote.mailbox("mac2"))
            await a.look()
            await until(lambda: not remote.mailbox("mac1"))
        assert len(b.frames) == 3 and len(a.frames) == 2


async def test_a_letter_takes_the_place_of_those_that_say_no_more_than_it(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a:
        for ids, lying in (("12", 1), ("3", 2), ("12", 2), ("23", 2), ("", 3), ("", 3), ("4", 3)):
            await a.send("mac2", b"any", tuple(ids))
            assert len(remote.mailbox("mac2")) == lying, ids
        await a.send("mac2", b"all", ("1", "2", "3", "4"))
        await a.send("mac3", b"other", ("1",))
        assert len(remote.mailbox("mac2")) == len(remote.mailbox("mac3")) == 1


async def test_what_cannot_be_written_now_is_left_there(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        await a.send("mac2")
        b.status = 507
        await b.look()
        assert len(remote.mailbox("mac2")) == 1
        b.status = 200
        await b.look()
        await until(lambda: not remote.mailbox("mac2"))
        assert len(b.frames) == 2


async def test_what_the_node_refuses_is_counted_and_removed(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        b.waiting["mac1"] = frame("mac2", "mac1")
        b.status = 401
        await a.send("mac2")
        await b.look()
        await until(lambda: not remote.refs())
        assert "git_refused" in b.counted


async def test_letters_are_removed_when_their_messages_are_over_also_by_a_later_run(
    tmp_path: Path, remote: Repository
) -> None:
    now = time.time()
    async with node("mac1", tmp_path / "1", str(remote.path), now=lambda: now) as a:
        await a.channel.deliver(Target("mac2"), Parcel(frame("mac1", "mac2"), ("1",), expires=int(now) + 60))
        await a.channel.deliver(Target("mac2"), Parcel(frame("mac1", "mac2"), ("2",), expires=int(now) + 9_000))
    async with node("mac1", tmp_path / "1", str(remote.path), now=lambda: now + 100) as a:
        await a.send("mac3")
        await until(lambda: len(remote.mailbox("mac2")) == 1)
    assert stat.S_IMODE((tmp_path / "1/git/lying.json").stat().st_mode) == 0o600


async def test_the_timer_finds_letters_by_itself(tmp_path: Path, remote: Repository) -> None:
    async with node("mac1", tmp_path / "1", str(remote.path)) as a:
        await a.send("mac2")
    async with node("mac2", tmp_path / "2", str(remote.path), every=1.0) as b, asyncio.timeout(20):
        await b.got.wait()


async def test_nothing_is_started_where_no_remote_is_configured(tmp_path: Path) -> None:
    async with node("mac1", tmp_path / "1", "") as a:
        assert a.channel.reaches(Target("mac2")) == "no git remote is configured (git.remote; see docs/git.md)"
        with pytest.raises(ChannelError, match="no git remote"):
            await a.send("mac2")
        assert await a.look() == a.channel.reaches(Target("mac2"))
    assert not (tmp_path / "1").exists()


async def test_who_says_that_it_looks_into_no_remote_is_left_nothing_for_a_while(
    tmp_path: Path, remote: Repository
) -> None:
    now, looks, asked = 1_000.0, {"mac2": False, "mac3": True}, []

    async def ask(peer: str, question: object, seconds: float) -> GitTold:
        asked.append(peer)
        if peer not in looks:
            raise ChannelError("an older version")
        return GitTold(looks=looks[peer])

    peers = [Target(f"mac{n}", is_there=True) for n in (2, 3, 4)]
    given = {"ask": ask, "targets": lambda: peers, "monotonic": lambda: now}
    async with node("mac1", tmp_path / "1", str(remote.path), every=1.0, **given) as a:
        assert [a.channel.reaches(peer) for peer in peers] == ["", "", ""]
        await until(lambda: len(asked) >= 3)
        await until(lambda: a.channel.reaches(peers[0]) != "")
        why_not = "mac2 looks into no git remote: git.remote is not set there"
        assert [a.channel.reaches(peer) for peer in peers] == [why_not, "", ""]
        now += 601
        assert a.channel.reaches(peers[0]) == ""
        peers.clear()
        assert (await a.send("mac2")).where.endswith(", where mac2 did not look when it was asked last")
        assert (await a.send("mac4")).where == f"{remote.path}, where mac4 {UNSEEN}"
        assert (await a.send("mac3")).where == str(remote.path)
        now += 7_200
        assert (await a.send("mac3")).where == f"{remote.path}, where mac3 was last seen to look 2 h ago"


async def test_each_tells_whether_it_looks_and_knows_of_who_asks(tmp_path: Path, remote: Repository) -> None:
    for url, looks in (("", False), (str(remote.path), True)):
        served: dict[Any, Any] = {}
        async with node("mac1", tmp_path / "1", url, serve=served.__setitem__) as a:
            a.channel._peers.note("mac2", looks=False)
            assert (await served[GitAsk]("mac2", GitAsk())).looks == looks
            assert "mac2" not in a.channel.reaches(Target("mac2"))


async def test_who_asks_while_the_daemon_starts_is_not_told_that_it_looks_nowhere(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: dict[Any, Any] = {}
    told: list[GitTold] = []

    async def asked_meanwhile(*modules: str) -> None:
        told.append(await served[GitAsk]("mac2", GitAsk()))

    monkeypatch.setattr(git, "load", asked_meanwhile)
    async with node("mac1", tmp_path / "1", str(remote.path), serve=served.__setitem__):
        assert [one.looks for one in told] == [True]


async def test_a_remote_that_cannot_be_used_is_told_and_nothing_is_started(tmp_path: Path) -> None:
    async with node("mac1", tmp_path / "1", "ext::sh -c whoami") as a:
        assert "git.remote must be" in a.channel.reaches(Target("mac2"))
        assert a.counted == ["git_bad_remote"]


async def test_a_remote_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    async with node("mac1", tmp_path / "1", str(tmp_path / "nowhere")) as a:
        with pytest.raises(ChannelError, match="No such file"):
            await a.send("mac2")
        assert "No such file" in await a.look()
    (tmp_path / "empty").mkdir()
    async with node("mac1", tmp_path / "1", str(tmp_path / "empty")) as a:
        with pytest.raises(ChannelError, match="there is no git repository"):
            await a.send("mac2")


async def test_without_git_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "remote.git").mkdir()
    async with node("mac1", tmp_path / "1", str(tmp_path / "remote.git")) as a:
        with pytest.raises(ChannelError, match="git cannot be started"):
            await a.send("mac2")
    assert not list((tmp_path / "1/git").glob("work-*"))


def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that says where it runs and never ends, before the real one in the path."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho $$ >> "{tmp_path}/pids"\nexec sleep 600\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git_incoming, "SOON", 3_600.0)  # a look for letters would hang as well
    return tmp_path / "pids"


def runs(pids: Path) -> bool:
    return any(started_at(int(pid)) is not None for pid in pids.read_text().split())


async def test_a_remote_that_hangs_is_given_up_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = hanging(tmp_path, monkeypatch)
    async with node("mac1", tmp_path / "1", "ssh://git@127.0.0.1/fleet.git") as a:
        sending = asyncio.create_task(a.send("mac2"))
        await until(lambda: pids.exists() and pids.stat().st_size > 0)
        assert runs(pids)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await until(lambda: not runs(pids))
        assert not list((tmp_path / "1/git").glob("work-*"))
        monkeypatch.setattr(git_outgoing, "PUSH_SECONDS", 0.3)
        with pytest.raises(ChannelError, match="took nothing within") as raised:
            await a.send("mac2")
        assert raised.value.unknown
        await until(lambda: not runs(pids))
    assert not list((tmp_path / "1/git").glob("work-*"))


async def test_who_is_cancelled_while_git_is_being_started_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids, is_told, begin = hanging(tmp_path, monkeypatch), asyncio.Event(), git_program._begin

    async def begin_slowly(*words: Any, **how: Any) -> asyncio.subprocess.Process:
        process = await begin(*words, **how)
        await is_told.wait()
        return process

    Repository(tmp_path / "1.git")
    monkeypatch.setattr(git_program, "_begin", begin_slowly)
    running = asyncio.create_task(git_program.run(tmp_path / "1.git", ["ls-remote", "ssh://git@127.0.0.1/fleet.git"]))
    await until(lambda: pids.exists() and pids.stat().st_size > 0)
    running.cancel()
    asyncio.get_running_loop().call_soon(is_told.set)
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not runs(pids))


async def test_who_gives_up_takes_nothing_from_those_that_still_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = hanging(tmp_path, monkeypatch)
    async with node("mac1", tmp_path / "1", "git@127.0.0.1:fleet.git") as a:
        sending = [asyncio.create_task(a.send(f"mac{n}")) for n in (2, 3)]
        await until(lambda: pids.exists() and pids.stat().st_size > 0)
        sending[0].cancel()
        await asyncio.wait(sending[:1])
        assert runs(pids)
        sending[1].cancel()
        await asyncio.wait(sending)
        await until(lambda: not runs(pids))


async def test_leftovers_of_a_killed_daemon_are_cleared_away(tmp_path: Path, remote: Repository) -> None:
    left = tmp_path / "1/git/work-old/objects"
    left.mkdir(parents=True)
    program = await asyncio.create_subprocess_exec("sleep", "600", cwd=left.parent)
    other = await asyncio.create_subprocess_exec("sleep", "600", cwd=tmp_path)
    async with node("mac1", tmp_path / "1", str(remote.path)), asyncio.timeout(20):
        assert not left.parent.exists()
        assert await program.wait() == -signal.SIGKILL
        assert other.returncode is None
    other.kill()
    await other.wait()


async def test_a_channel_that_is_turned_off_does_not_look_for_letters(tmp_path: Path) -> None:
    from multifleet.config import ChannelSettings, Config, GitSettings

    started: list[str] = []
    off = Config(git=GitSettings(remote="/srv/fleet.git"), channels=ChannelSettings(off=("git",)))
    channel = GitChannel()
    await channel.start(None, here(tmp_path, config=off, spawn=lambda name, run: started.append(name)))  # type: ignore[arg-type]
    assert not started and channel.reaches(Target("mac2")) == "turned off in the configuration"


def test_the_mail_of_two_fleets_has_nothing_in_common() -> None:
    from multifleet.core.git_mail import GitMail

    assert GitMail("a" * 32).folder != MAIL.folder


async def test_a_remote_that_is_not_there_is_complained_of_until_it_is(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_incoming, "SOON", 0.05)
    monkeypatch.setattr(git_incoming, "SELDOM", 0.05)
    away = remote.path.rename(tmp_path / "away.git")
    async with node("mac1", tmp_path / "1", str(remote.path)) as a:
        await until(lambda: a.channel.complaint())
        assert a.channel.complaint().startswith("git.remote: ")
        away.rename(remote.path)
        await until(lambda: not a.channel.complaint())


async def test_a_look_that_failed_is_followed_by_one_soon_and_then_by_rarer_ones(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_incoming, "SOON", 3_600.0)  # the node's own loop looks at nothing
    async with node("mac1", tmp_path / "1", str(remote.path), every=3_600.0) as a:
        incoming, waits, fails = a.channel._incoming, list[float](), iter([False, True, True, True, False])
        monkeypatch.setattr(git_incoming, "SOON", 5.0)

        async def waited(seconds: float) -> bool:
            waits.append(round(seconds))
            return False

        async def looked() -> int:
            if next(fails):
                raise ChannelError("the remote is away")
            return 0

        monkeypatch.setattr(incoming, "_every", 60.0)
        monkeypatch.setattr(incoming, "_spread", lambda: 1.0)
        monkeypatch.setattr(incoming, "_hurry", waited)
        monkeypatch.setattr(incoming, "look", looked)
        with pytest.raises(RuntimeError):  # there are no more answers
            await incoming.run()
    assert waits == [5, 10, 5, 10, 20, 40]
