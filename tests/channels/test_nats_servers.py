"""NATS servers as users name them, and as the chief tells of its own."""

from pathlib import Path

import pytest

from multifleet.channels.nats_certificate import certificate
from multifleet.channels.nats_credentials import Credentials, seed_bytes
from multifleet.channels.nats_process import NatsProcess, program
from multifleet.channels.nats_servers import Server, of_chief, of_urls
from multifleet.channels.nats_wire import Wire, WireError
from multifleet.config import load
from multifleet.core.nats_packets import NatsTold
from tests.channels.nats_tls import config

SEED = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y"
SIGNED = b"+HTq4d6DDHVNb8MsTRAZtSIa0vXA/yuZblwTA7JT5wYzmKBxJ2wpYfjHh7hcptZlidbVw/6ZLyubjm/yDk+OCQ=="
"""The seed of the bytes 0 to 31 and its signature of "nonce", as NATS's own library makes them."""


def test_every_way_of_naming_servers_is_read() -> None:
    servers = of_urls("nats://a, tls://user:p%40ss@b:4333 ,token@192.0.2.7,nats://[2001:db8::1]")
    assert [(s.name, s.encrypted) for s in servers] == [
        ("a:4222", False),
        ("b:4333", True),
        ("192.0.2.7:4222", False),
        ("[2001:db8::1]:4222", False),
    ]
    assert (servers[1].user, servers[1].password, servers[1].token) == ("user", "p@ss", "")
    assert (servers[2].user, servers[2].password, servers[2].token) == ("", "", "token")
    assert servers[1].url == "tls://b:4333"


@pytest.mark.parametrize(
    "urls",
    [
        "",
        ",",
        "http://a",
        "ws://a",
        "nats://",
        "nats://user:hunter2@",
        "nats://u:hunter2@a:99999",
        "a," * 40,
        "nats://a:x",
    ],
)
def test_what_is_no_list_of_servers_is_refused_without_its_password(urls: str) -> None:
    with pytest.raises(ValueError) as refused:
        of_urls(urls)
    assert "hunter2" not in str(refused.value)


def test_no_secret_of_a_server_is_printed() -> None:
    shown = repr(Server("a:1", user="u", password="hunter2", token="hunter3", certificate="hunter4"))
    assert "hunter" not in shown


def test_the_chiefs_server_is_looked_for_at_each_of_the_chiefs_hosts_once() -> None:
    told = NatsTold(port=4222, password="secret", certificate="PEM")
    servers = of_chief(told, "mac2", ["192.0.2.1:8855", "192.0.2.1:8855", "[2001:db8::1]:8855"])
    assert [server.name for server in servers] == ["192.0.2.1:4222", "[2001:db8::1]:4222"]
    assert all(server.encrypted and server.tls_first and server.user == "mac2" for server in servers)


def test_the_environment_names_the_servers_for_a_daemon(tmp_path: Path) -> None:
    assert load(tmp_path, environ={"NATS_URL": "nats://a"}).natsUrl == "nats://a"
    assert load(tmp_path, environ={}).natsUrl == ""


def test_a_creds_file_is_read_and_signs_as_nats_does(tmp_path: Path) -> None:
    path = tmp_path / "my.creds"
    path.write_text(
        "-----BEGIN NATS USER JWT-----\neyJ0.abc-_\n------END NATS USER JWT------\n\n*** keep it secret ***\n"
        f"-----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------\n"
    )
    found = Credentials.read(path)
    assert found.token() == b"eyJ0.abc-_"
    assert found.sign("nonce") == SIGNED


@pytest.mark.parametrize("seed", ["", "SUA", SEED[:-1] + "Q", "P" + SEED[1:], "!" * 58])
def test_a_damaged_seed_is_refused(seed: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        seed_bytes(seed)


async def test_only_the_certificate_that_the_chief_told_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
    found = program()
    assert found is not None
    process = await NatsProcess.start(found, config(own))
    try:
        address = [f"127.0.0.1:{process.port}"]
        true = NatsTold(port=process.port, password="secret", certificate=certificate(own))
        wire = await Wire.open(*of_chief(true, "mac1", address), "mac1")
        assert await wire.live()
        wire.abort("the test is over")
        false = NatsTold(port=process.port, password="secret", certificate=certificate(other))
        with pytest.raises(WireError, match="certificate is not the one"):
            await Wire.open(*of_chief(false, "mac1", address), "mac1")
        monkeypatch.setattr("multifleet.channels.nats_wire.CONNECT_SECONDS", 0.3)
        with pytest.raises(WireError):
            await Wire.open(Server(address[0], user="mac1", password="secret"), "mac1")
    finally:
        await process.stop()
    assert (own / "key.pem").stat().st_mode & 0o077 == 0
