"""The branch and commit of a folder, as git itself says it, and nothing that was planted to mislead."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from multifleet.sessions.git_state import PACKED, SMALL, GitState, git_state

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(folder: Path, *words: str) -> str:
    """What git says."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "a@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    ran = subprocess.run(["git", "-C", folder, *words], env=environment, check=True, capture_output=True, timeout=30)
    return ran.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit on the branch topic/one."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "topic/one")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The least that is a repository, on the branch main."""
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    return tmp_path


def test_the_branch_and_the_commit_are_those_that_git_names(repository: Path) -> None:
    inside = repository / "a" / "b"
    inside.mkdir(parents=True)
    expected = GitState("topic/one", git(repository, "rev-parse", "HEAD"))
    assert git_state(str(repository)) == git_state(str(inside)) == expected


def test_packed_refs_are_read(repository: Path) -> None:
    git(repository, "branch", "topic/one-and-more")
    git(repository, "tag", "-a", "-m", "a tag", "v1")
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/topic/one").exists()
    assert git_state(str(repository)) == GitState("topic/one", git(repository, "rev-parse", "HEAD"))


def test_a_worktree_has_its_own_branch_and_shares_the_refs(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "two", str(tmp_path / "other"))
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "second")
    assert git_state(str(tmp_path / "other")) == GitState("two", git(repository, "rev-parse", "two"))
    git(repository, "pack-refs", "--all")
    assert git_state(str(tmp_path / "other")) == GitState("two", git(repository, "rev-parse", "two"))


def test_a_submodule_has_its_own_state(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "part")
    git(tmp_path / "part", "commit", "-q", "--allow-empty", "-m", "part")
    allowed = ("-c", "protocol.file.allow=always")
    git(repository, *allowed, "submodule", "add", "-q", str(tmp_path / "part"), "lib/part")
    assert git_state(str(repository / "lib/part")) == GitState("main", git(tmp_path / "part", "rev-parse", "HEAD"))


def test_without_a_branch_there_is_the_commit_alone(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert git_state(str(repository)) == GitState("", git(repository, "rev-parse", "HEAD"))


def test_a_branch_without_a_commit_yet_is_named(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert git_state(str(tmp_path)) == GitState("main", "")


def test_refs_of_another_kind_leave_nothing_known(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")  # as a reftable repository has it
    assert git_state(str(tmp_path)) == GitState("", "")


def test_a_folder_without_a_repository_has_no_state(tmp_path: Path) -> None:
    assert git_state(str(tmp_path)) is None
    assert git_state(str(tmp_path / "gone")) is None
    assert git_state("") is None and git_state(".") is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"ref: \n",
        b"ref: refs/heads/../../../secret\n",
        b"ref: /etc/hostname\n",
        b"ref: ../secret\n",
        b"ref: refs//heads\n",
        b"ref: refs/heads/a\x1b[31m\n",
        b"ref: refs/heads/a b\n",
        b"ref: refs/heads/main\nref: refs/heads/two\n",
        b"ref: refs/heads/a.lock\n",
        b"ref: refs/heads/a/\n",
        b"\xff\xfe",
        b"0123\n",
        b"x" * (SMALL + 1),
    ],
)
def test_an_odd_head_says_nothing(made: Path, head: bytes) -> None:
    (made / "secret").write_text(f"{COMMIT}\n")
    (made / ".git" / "HEAD").write_bytes(head)
    assert git_state(str(made)) is None


def test_links_and_pipes_are_not_followed(made: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "main").write_text(f"{COMMIT}\n")
    heads = made / ".git" / "refs" / "heads"
    (heads / "main").unlink()
    (heads / "main").symlink_to(secret / "main")
    assert git_state(str(made)) is None
    shutil.rmtree(heads)
    heads.symlink_to(secret)
    assert git_state(str(made)) is None
    (made / ".git" / "HEAD").unlink()
    os.mkfifo(made / ".git" / "HEAD")
    assert git_state(str(made)) is None
    (made / ".git").rename(tmp_path / "elsewhere")
    (made / ".git").symlink_to(tmp_path / "elsewhere")
    assert git_state(str(made)) is None


def test_a_file_that_names_a_repository_which_does_not_know_of_it_is_not_believed(made: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / ".git").write_text(f"gitdir: {made / '.git'}\n")
    assert git_state(str(stranger)) is None
    planted = made / ".git" / "worktrees" / "stranger"
    planted.mkdir(parents=True)
    (planted / "HEAD").write_text("ref: refs/heads/main\n")
    (planted / "commondir").write_text("../..\n")
    (planted / "gitdir").write_text(f"{tmp_path / 'another' / '.git'}\n")
    (stranger / ".git").write_text(f"gitdir: {planted}\n")
    assert git_state(str(stranger)) is None
    (planted / "gitdir").write_text(f"{stranger / '.git'}\n")
    assert git_state(str(stranger)) == GitState("main", COMMIT)
    (planted / "commondir").write_text("/etc\n")
    assert git_state(str(stranger)) is None


def test_references_in_a_ring_end(made: Path) -> None:
    (made / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/two\n")
    (made / ".git" / "refs" / "heads" / "two").write_text("ref: refs/heads/main\n")
    assert git_state(str(made)) == GitState("main", "")


def test_more_packed_refs_than_are_read_leave_the_branch(made: Path) -> None:
    (made / ".git" / "refs" / "heads" / "main").unlink()
    with (made / ".git" / "packed-refs").open("wb") as packed:
        packed.truncate(PACKED + 1)
    assert git_state(str(made)) == GitState("main", "")


def test_a_large_repository_takes_little_time(made: Path) -> None:
    (made / ".git" / "refs" / "heads" / "main").unlink()
    lines = "".join(f"{number:040x} refs/tags/v{number}\n" for number in range(80_000))
    (made / ".git" / "packed-refs").write_text(f"{lines}{COMMIT} refs/heads/main\n")
    began = time.process_time()
    assert git_state(str(made)) == GitState("main", COMMIT)
    assert time.process_time() - began < 0.5
