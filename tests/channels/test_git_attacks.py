"""A git remote to which others write too, or that means harm."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from multifleet.channels import git_outgoing, git_program, git_repository
from multifleet.channels.base import Carried, ChannelError
from multifleet.core.git_mail import GitMail
from tests.channels.git_world import MAIL, Repository, frame, node, until

THEIRS = "9" * 32


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "remote.git")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_outgoing, "GATHER_SECONDS", 0.05)


def a_letter(remote: Repository, number: int = 1, text: bytes = b"sealed") -> str:
    """One of a member, as if it had been pushed."""
    ref = MAIL.letter("mac2", number.to_bytes(16))
    remote.plant(ref, MAIL.wrap(ref, frame("mac1", "mac2", text)))
    return ref


async def test_refs_and_files_of_others_in_the_repository_are_never_touched(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = remote.git("mktree", fed=b"").decode().strip()
    commit = remote.git(
        *("-c", "user.name=a", "-c", "user.email=a@example", "commit-tree", tree, "-m", "work")
    ).decode().strip()
    others = ["refs/heads/main", "refs/tags/v1", "refs/notes/commits", "refs/fleet/readme"]
    others += [GitMail(THEIRS).letter("mac2", bytes(16)), MAIL.letter("mac3", bytes(16))]
    for ref in others:
        remote.git("update-ref", ref, commit)
    work = tmp_path / "checkout"
    work.mkdir()
    (work / "file").write_text("mine")
    monkeypatch.chdir(work)
    monkeypatch.setenv("GIT_DIR", str(remote.path))
    monkeypatch.setenv("GIT_WORK_TREE", str(work))
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        await a.send("mac2")
        await b.look()
        await until(lambda: not remote.mailbox("mac2"))
        assert len(b.frames) == 1
    assert sorted(remote.refs()) == sorted(others)
    assert remote.git("rev-parse", *others).decode().split() == [commit] * len(others)
    assert [path.name for path in work.iterdir()] == ["file"]


async def test_no_hook_runs_neither_of_the_remote_nor_of_the_user(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    home = tmp_path / "user"
    for hooks in (remote.path / "hooks", home / "hooks", home / "template/hooks"):
        hooks.mkdir(parents=True, exist_ok=True)
        for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "pre-push",
                     "post-checkout", "pre-auto-gc", "proc-receive"):  # fmt: skip
            (hooks / name).write_text(f'#!/bin/sh\necho "$0" >> "{ran}"\n')
            (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {home}/hooks\n\tfsmonitor = touch {ran}\n\taskPass = touch {ran}\n"
        f"\tsshCommand = touch {ran}; false\n[init]\n\ttemplateDir = {home}/template\n"
        f"[credential]\n\thelper = !touch {ran}\n[push]\n\tdefault = matching\n\tfollowTags = true\n\tgpgSign = true\n"
    )
    remote.git("config", "core.alternateRefsCommand", f"touch {ran}")
    remote.git("config", "uploadpack.packObjectsHook", f"touch {ran}; exit 1")
    (remote.path / "objects/info/alternates").write_text(f"{remote.path}/objects\n")
    monkeypatch.setenv("HOME", str(home))
    async with node("mac1", tmp_path / "1", str(remote.path)) as a, node("mac2", tmp_path / "2", str(remote.path)) as b:
        await a.send("mac2")
        await b.look()
        assert len(b.frames) == 1
        await until(lambda: not remote.refs())
    assert not ran.exists()


async def test_ten_thousand_refs_keep_no_letter_back(tmp_path: Path, remote: Repository) -> None:
    blob = remote.git("hash-object", "-w", "--stdin", fed=b"garbage").decode().strip()
    planted = [f"{MAIL.mailbox('mac2')}/{n:032x}" for n in range(2, 1_002)]
    planted += [f"refs/notes/{n:032x}" for n in range(9_000)]
    (remote.path / "packed-refs").write_text(
        "# pack-refs with: peeled fully-peeled sorted \n" + "".join(f"{blob} {ref}\n" for ref in sorted(planted))
    )
    a_letter(remote)
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        began = time.monotonic()
        await b.look()
        assert b.frames == [frame("mac1", "mac2")]
        assert b.counted.count("git_refused") == 1_000
        assert time.monotonic() - began < 20
        await b.look()
        assert b.counted.count("git_refused") == 1_000
        await b.send("mac1")
        assert len(remote.mailbox("mac1")) == 1
        await until(lambda: len(remote.mailbox("mac2")) < 1_000)
    assert len(remote.refs("refs/notes")) == 9_000


async def test_what_is_huge_is_not_fetched_and_does_not_keep_the_others_back(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_repository, "FETCH_BYTES", 4 * 1024 * 1024)
    remote.git("config", "core.compression", "0")
    huge = MAIL.letter("mac2", b"h" * 16)
    remote.plant(huge, os.urandom(12 * 1024 * 1024))
    letters = [a_letter(remote, n) for n in range(1, 4)]
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        await b.look()
        assert len(b.frames) == len(letters)
        assert "git_too_much" in b.counted and b.counted.count("git_refused") == 1
        await until(lambda: not remote.refs())
    assert not list((tmp_path / "2/git").glob("work-*"))


async def test_what_unpacks_to_a_great_deal_is_not_read(tmp_path: Path, remote: Repository) -> None:
    remote.plant(MAIL.letter("mac2", b"z" * 16), bytes(16 * 1024 * 1024))
    a_letter(remote)
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        await b.look()
        assert b.frames == [frame("mac1", "mac2")] and b.counted == ["git_refused"]
        await until(lambda: not remote.refs())


async def test_a_few_bytes_that_unpack_to_more_than_git_may_have_keep_no_letter_back(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_program, "MEMORY", 40 * 1024 * 1024)
    remote.plant_delta(MAIL.letter("mac2", b"d" * 16), copies=12)
    letters = [a_letter(remote, n) for n in range(1, 4)]
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        await b.look()
        assert len(b.frames) == len(letters)
        assert "git_too_much" in b.counted and b.counted.count("git_refused") == 1
        await until(lambda: not remote.refs())
        a_letter(remote, 4)
        await b.look()
        assert len(b.frames) == len(letters) + 1


def test_only_linux_limits_the_memory_of_git() -> None:
    assert git_program.limited(("git", "push"), "darwin") == ("git", "push")
    assert git_program.limited(("git", "push"), "linux")[-3:] == ("262144", "git", "push")


async def test_what_has_an_odd_name_or_is_no_blob_is_no_letter(tmp_path: Path, remote: Repository) -> None:
    box = MAIL.mailbox("mac2")
    names = ("-oProxyCommand=x", "$(id)", "a;id", "a/b/c", "\u202e", "\u2028x", "\x85", "a" * 200)
    odd = [f"{box}/{name}" for name in names]
    for ref in odd:
        remote.plant(ref, b"odd")
    tree = remote.git("mktree", fed=b"").decode().strip()
    remote.git("update-ref", MAIL.letter("mac2", b"t" * 16), tree)
    remote.plant(MAIL.letter("mac2", b"e" * 16), b"")
    moved = MAIL.letter("mac2", b"m" * 16)
    remote.plant(moved, MAIL.wrap(MAIL.letter("mac2", b"n" * 16), frame("mac1", "mac2")))
    wrong = MAIL.letter("mac2", b"w" * 16)
    remote.plant(wrong, MAIL.wrap(wrong, b"no frame at all"))
    a_letter(remote)
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        await b.look()
        assert b.frames == [frame("mac1", "mac2")]
        await until(lambda: len(remote.refs()) == len(odd))
        counted = len(b.counted)
        await b.look()
        assert len(b.counted) == counted
    assert sorted(remote.refs()) == sorted(odd)


async def test_a_ref_that_cannot_be_written_here_keeps_no_letter_back_for_long(
    tmp_path: Path, remote: Repository
) -> None:
    a_letter(remote)
    blob = remote.git("hash-object", "-w", "--stdin", fed=b"long").decode().strip()
    head = "# pack-refs with: peeled fully-peeled sorted \n"
    (remote.path / "packed-refs").write_text(f"{head}{blob} {MAIL.mailbox('mac2')}/{'f' * 300}\n")
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        assert "git:" in await b.look() and not b.frames
        await b.look()
        assert b.frames == [frame("mac1", "mac2")]


async def test_a_letter_that_the_host_shows_again_is_handed_on_at_most_once_a_run(
    tmp_path: Path, remote: Repository
) -> None:
    ref = a_letter(remote)
    blob = remote.git("rev-parse", ref).decode().strip()
    async with node("mac2", tmp_path / "2", str(remote.path)) as b:
        await b.look()
        await until(lambda: not remote.refs())
        remote.git("update-ref", ref, blob)
        await b.look()
        assert len(b.frames) == 1


async def test_a_remote_that_refuses_one_ref_refuses_one_letter(tmp_path: Path, remote: Repository) -> None:
    remote.git("config", "transfer.hideRefs", MAIL.mailbox("mac3"))
    async with node("mac1", tmp_path / "1", str(remote.path)) as a:
        sent = await asyncio.gather(a.send("mac2"), a.send("mac3"), return_exceptions=True)
        assert isinstance(sent[1], ChannelError) and "refuses it" in str(sent[1]) and "hidden" in str(sent[1])
        assert isinstance(sent[0], Carried) and len(remote.refs()) == 1


async def test_a_remote_that_prints_without_end_is_stopped(
    tmp_path: Path, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nyes 'what a long story' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git_program, "TROUBLE", 10_000)
    async with node("mac1", tmp_path / "1", "git@127.0.0.1:fleet.git") as a:
        with pytest.raises(ChannelError, match="printed more than 10000 bytes"):
            await a.send("mac2")
        assert "printed more than 10000 bytes" in await a.look()


async def test_what_the_host_says_is_shown_without_its_tricks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'fatal: \\033[2Jall is well\\342\\200\\256\\n' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    async with node("mac1", tmp_path / "1", "git@127.0.0.1:fleet.git") as a:
        with pytest.raises(ChannelError) as raised:
            await a.send("mac2")
    assert str(raised.value).isprintable() and "\x1b" not in str(raised.value)
