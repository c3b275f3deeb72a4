"""Letters in a repository that is reached over a real SSH server, on hosts of the lab."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.program import ROOT

pytestmark = pytest.mark.lab

OTHER_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
ASK = """
import asyncio, sys, time
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from multifleet.channels.base import ChannelError
from multifleet.channels.git_remote import remote_of
from multifleet.channels.git_repository import GitRepository
from multifleet.core.git_mail import GitMail

mail, verb = GitMail("f" * 32), sys.argv[2]
repository = GitRepository(remote_of(sys.argv[1]), Path("/srv/data/git"))

async def main():
    ref = mail.letter("mac2", b"r" * 16)
    if verb == "push":
        print(await repository.push({ref: mail.wrap(ref, b"a frame")}))
    else:
        async with asyncio.timeout(float(verb)), repository.fetched(mail.mailbox("mac2")) as fetched:
            async for letter, blob in fetched.read(await fetched.letters()):
                print(mail.unwrap(letter.ref, blob).decode())

began = time.monotonic()
try:
    asyncio.run(main())
except (ChannelError, TimeoutError) as error:
    print(str(error) or f"no answer, {'in time' if time.monotonic() - began < 6 else 'late'}")
print(*Path("/srv/data/git").iterdir(), "is all that is left")
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(["mac1", "host"], expose=[ROOT]) as made:
        made.hosts[1].start_sshd()
        yield made


def ask(lab: Lab, verb: str) -> list[str]:
    """What mac1 gets to hear from the repository."""
    remote = f"ssh://root@{lab.hosts[1].ip}/srv/git/fleet.git"
    packages = [path for path in sys.path if Path(path).name == "site-packages"]
    said = lab.hosts[0].python(ASK, remote, verb, str(ROOT), *packages).splitlines()
    assert said.pop() == "is all that is left"
    return said


def test_letters_are_left_and_fetched_over_ssh(lab: Lab) -> None:
    assert ask(lab, "20") == ["there is no git repository"]
    lab.hosts[1].git_remote()
    assert ask(lab, "push") == ["{}"]
    assert ask(lab, "20") == ["a frame"]


def test_a_host_key_that_is_unknown_or_has_changed_is_refused(lab: Lab) -> None:
    host = lab.hosts[1]
    host.git_remote()
    known = lab.hosts[0].dir / "home/fleet/.ssh/known_hosts"
    before = known.read_text()
    for text in ("", re.sub(r"AAAA\S+", OTHER_KEY, before)):
        known.write_text(text)
        assert ask(lab, "push") == ["the git host's SSH key is unknown here, or changed: connect once by hand"]
    known.write_text(before)
    assert ask(lab, "push") == ["{}"]


def test_a_host_that_freezes_is_given_up_and_nothing_is_left_running(lab: Lab) -> None:
    mac1, host = lab.hosts
    host.git_remote()
    host.freeze()
    try:
        assert ask(lab, "2") == ["no answer, in time"]
        assert "ssh" not in mac1.run(["ps", "-eo", "comm"]).stdout.split()
    finally:
        host.thaw()
