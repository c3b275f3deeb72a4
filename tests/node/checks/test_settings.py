"""Values that are of the right kind and of no use: each is named, and nobody is contacted to find out."""

import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from multifleet.config import Config
from multifleet.node.checks.config import usable
from multifleet.node.checks.finding import Level
from multifleet.node.checks.settings import missing, useful, useless

USELESS: dict[str, tuple[dict[str, Any], str]] = {
    "a git remote of another protocol": (
        {"git": {"remote": "git://git.example/x"}},
        'git.remote must be https://HOST/…, ssh://HOST/…, USER@HOST:… or an absolute path (it is "git://git.example/x")',
    ),
    "a git remote with a login": (
        {"git": {"remote": "https://me:hunter2@git.example/x"}},
        "git.remote must not hold a login",
    ),
    "a git remote that is a word": ({"git": {"remote": "fleet.git"}}, "git.remote must be https://HOST/…"),
    "NATS over the web": ({"natsUrl": "http://nats.example"}, "natsUrl cannot be used (URL 1 must begin with nats://"),
    "NATS without a host": ({"natsUrl": "nats://me:hunter2@"}, "natsUrl cannot be used (URL 1 names no host)"),
    "NATS at two words": ({"natsUrl": "nats://a,nats://b c"}, "natsUrl cannot be used (URL 2 names no host)"),
    "NATS in odd brackets": ({"natsUrl": "nats://me:hunter2@[::1"}, "natsUrl cannot be used (URL 1 is none)"),
    "NATS in odd letters": ({"natsUrl": "nats://me:hunter2@a\u2100b"}, "natsUrl cannot be used (URL 1 is none)"),
    "a certificate for nothing": ({"natsCertificate": "/x.pem"}, "natsCertificate is set and natsUrl is not"),
    "a routine without https": (
        {"cloud": {"routine": "http://cloud.example/fire"}},
        'cloud.routine is "http://cloud.example/fire", which is no https address: copy it from the routine\'s page',
    ),
    "a token in the place of a routine": (
        {"cloud": {"routine": "sk-ant-oat01-CANARYCANARYCANARY"}},
        "cloud.routine is a text that is not repeated here, which is no https address: copy it",
    ),
    "a login in a host": (
        {"nodes": {"mac2": {"host": "ann:CANARY@mac2:x"}}},
        "nodes.mac2.host is a text that is not repeated here, which is no host name",
    ),
    "a last resort that is none": (
        {"cloud": {"lastResort": True}},
        "cloud.lastResort is true and cloud.routine is empty",
    ),
    "a role that there is not": (
        {"nodes": {"mac2": {"role": "Captain"}}},
        'nodes.mac2.role is "Captain", which is no role: write chief, captain or worker',
    ),
    "a network card of many": (
        {"nodes": {"mac2": {"mac_address": "ff:ff:ff:ff:ff:ff"}}},
        'nodes.mac2.mac_address is "ff:ff:ff:ff:ff:ff", which is no address of a network card: write it like',
    ),
    "a port in a host": (
        {"nodes": {"mac2": {"lan_ip": "192.0.2.7:9000"}}},
        'nodes.mac2.lan_ip is "192.0.2.7:9000", with a port in it: put 9000 into nodes.mac2.port',
    ),
    "a host that is a URL": (
        {"nodes": {"mac2": {"host": "http://mac2"}}},
        'nodes.mac2.host is "http://mac2", which is no host',
    ),
    "a chief that is a URL": ({"chief": {"nodeId": "a", "host": "x://y"}}, 'chief.host is "x://y", which is no host'),
    "an address that is none": ({"advertise": ["mac 1"]}, 'advertise holds "mac 1", which is no address'),
    "a route to nowhere": (
        {"channels": {"routes": {"alert": []}}},
        "channels.routes.alert is empty, so that nothing of type alert is sent: name the channels",
    ),
    "a route to nowhere for daemons": ({"channels": {"routes": {"sync": []}}}, "channels.routes.sync is empty"),
    "a route to nowhere for one machine": (
        {"nodes": {"mac2": {"channels": {"routes": {"task": []}}}}},
        "nodes.mac2.channels.routes.task is empty",
    ),
    "a route that is turned off": (
        {"channels": {"off": ["http"], "routes": {"alert": ["http"]}}},
        "channels.routes.alert names only channels that are turned off, so that nothing of type alert is sent",
    ),
    "a route that is turned off for one machine": (
        {"channels": {"routes": {"reply": ["ssh"]}}, "nodes": {"mac2": {"channels": {"off": ["ssh"]}}}},
        "nodes.mac2.channels.off has them all, so that nothing of type reply is sent",
    ),
}


def config(**said: Any) -> Config:
    return msgspec.convert(said, Config)


@pytest.mark.parametrize("name", USELESS)
def test_a_value_of_no_use_is_named_with_what_to_write(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise AssertionError("somebody was contacted")

    monkeypatch.setattr(socket, "socket", nobody)
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    said, words = USELESS[name]
    (found,) = useless(config(**said), {})
    assert str(found).startswith(words)
    assert "hunter2" not in str(found)


def test_what_is_good_is_not_spoken_of() -> None:
    good = config(
        git={"remote": "me@git.example:fleet.git"},
        natsUrl="tls://me:secret@a.example:4333, nats://[2001:db8::1]",
        cloud={"routine": "https://cloud.example/fire", "lastResort": True},
        channels={"off": ["http", "nats", "relay", "cloud"], "routes": {"alert": ["ssh", "git"]}},
        advertise=["192.0.2.1", "mac1.example:9000", "[2001:db8::1]:9"],
        chief={"nodeId": "mac1", "host": "mac1"},
        nodes={
            "mac1": {"role": "chief", "mac_address": "02-00-00-00-00-11", "mdns_name": "mac1.local"},
            "mac2": {"role": "worker", "lan_ip": "2001:db8::2", "channels": {"off": ["ssh"]}},
        },
    )
    assert [*useless(good, {}), *missing(good), *useless(Config(), {}), *missing(Config())] == []


def test_the_environment_is_named_where_it_has_the_servers() -> None:
    (found,) = useless(config(natsUrl="x://y"), {"NATS_URL": "x://y"})
    assert str(found).startswith("$NATS_URL cannot be used")


def test_all_that_turned_off_is_told_for_each_type_that_people_send() -> None:
    everything = ["cloud", "nats", "http", "relay", "seed", "ssh", "wake", "git", "text"]
    found = [
        one.says for one in useless(config(channels={"off": everything}, nodes={"a": {"channels": {"off": ["git"]}}}))
    ]
    assert len(found) == 5 and all(says.startswith("channels.off has them all") for says in found)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "good.git" / "objects").mkdir(parents=True)
    said = {
        "natsUrl": "nats://a",
        "natsCertificate": str(tmp_path / "none.pem"),
        "nodes": {"mac2": {"user": "me", "ssh_key": str(tmp_path / "none")}},
    }
    found = [str(one) for one in missing(config(git={"remote": str(tmp_path / "none.git")}, **said))]
    assert found[0] == (
        f"git.remote: {tmp_path}/none.git: No such file or directory: git init --bare {tmp_path}/none.git, "
        "or name another repository"
    )
    assert [one.partition(" is ")[0] for one in found[1:]] == ["natsCertificate", "nodes.mac2.ssh_key"]
    (odd,) = missing(config(git={"remote": str(tmp_path / "folder")}))
    assert "is no git repository" in odd.says
    assert [*missing(config(git={"remote": f"file://{tmp_path}/good.git"}))] == []


def test_what_cannot_be_read_is_not_called_good(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"prot": 1}')
    found = useful(tmp_path)
    assert found.level is Level.FAIL and "prot is no setting: did you mean port?" in found.says and found.remedy
    assert found.remedy == usable(tmp_path).remedy
    assert useful(tmp_path, config_too=True).says == "not looked at: config says why"
