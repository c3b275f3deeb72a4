"""Real servers of a host."""

import pytest

from tests.lab.lab import Lab
from tests.lab.machine import HOME

pytestmark = pytest.mark.lab


def test_ssh_lets_the_labs_keys_in(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with b.start_sshd():
        text = a.run(["ssh", b.name, "hostname; echo $HOME; touch /tmp/over-ssh; python3 -V"]).stdout.split()
        assert text[0] == b.name and text[1] == HOME and b.path("/tmp/over-ssh").exists(), text
        log = (b.dir / "srv/log/sshd.log").read_text()
    assert "Accepted publickey" in log


def test_a_changed_host_key_is_refused_by_ssh(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    b.new_host_key(publish=False)
    with b.start_sshd():
        said = a.run(["ssh", b.name, "true"], check=False)
    b.new_host_key()
    with b.start_sshd():
        a.run(["ssh", b.name, "true"])
    assert said.returncode == 255 and "HOST IDENTIFICATION HAS CHANGED" in said.stderr, said.stderr


def test_a_bare_remote_takes_a_push_over_ssh(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with b.start_sshd():
        url = b.git_remote()
        a.run(
            f"git init -q -b main r && cd r"
            f" && git -c user.name=a -c user.email=a@h1 commit -q --allow-empty -m one"
            f" && git push -q {url} main:refs/fleet/inbox"
        )
        refs = b.run("git -C /srv/git/fleet.git for-each-ref").stdout
    assert "refs/fleet/inbox" in refs


def test_ssh_goes_off_with_every_session_and_comes_back(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    b.start_sshd()
    session = a.popen(["ssh", b.name, "echo in; sleep 60"], name="session")
    session.wait_output("in")
    with b.stop_sshd():
        assert session.ends_within(30)
        assert a.run(["ssh", b.name, "true"], check=False).returncode == 255
    a.run(["ssh", b.name, "true"])
