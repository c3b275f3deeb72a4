"""Opening sockets, and saying what is in the way."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from multifleet.api.listening import ELSEWHERE, bind_tcp, bind_unix, explain_port, unlinker
from multifleet.errors import ConfigError, PortInUse


async def test_a_family_that_the_system_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    class NoSix(real):
        def __init__(self, family: int = -1, *rest: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *rest)

    monkeypatch.setattr(socket, "socket", NoSix)
    bound = await bind_tcp(["127.0.0.1", "::1"], 0)
    assert [address[0] for _, address in bound] == ["127.0.0.1"]
    for opened, _ in bound:
        opened.close()


async def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1.*in config\.json"):
        await bind_tcp(["192.0.2.1"], 0)


async def test_a_name_that_is_none_is_sought_in_the_configuration_too() -> None:
    with pytest.raises(ConfigError, match=r"no address of this machine .*bind in config\.json, or --bind"):
        await bind_tcp(["zzz.invalid"], 0)


async def test_a_port_of_another_program_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f'program listens on port {port}: .*"port" into config.json.*--port'):
            await bind_tcp(["127.0.0.1"], port)


async def test_who_has_the_port_is_named_with_the_other_addresses_as_a_way_out() -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"stop .*\(pid {os.getpid()}\), or .* --port, or another .* --bind$"):
            await bind_tcp(["127.0.0.2"], port)
        with socket.create_server((ELSEWHERE, port)), pytest.raises(PortInUse, match=r"another port with --port$"):
            await bind_tcp(["127.0.0.2"], port)


async def test_a_daemon_of_another_user_is_known_by_its_health() -> None:
    async def say_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        writer.close()

    async with await asyncio.start_server(say_ok, "127.0.0.1", 0) as server:
        said = await explain_port(server.sockets[0].getsockname()[1])
    assert said.startswith("a multifleet daemon of another user")


def test_the_unix_socket_is_private_from_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    opened = bind_unix(folder / "socket")
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(folder / "socket").st_mode) == 0o600
    opened.close()


@pytest.mark.parametrize("planted", ["file", "folder", "link"])
def test_what_was_planted_where_the_socket_goes_is_left_alone(tmp_path: Path, planted: str) -> None:
    path, elsewhere = tmp_path / "socket", tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    {
        "file": lambda: path.write_text("x"),
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(elsewhere),
    }[planted]()
    with pytest.raises(ConfigError, match="is in the way"):
        bind_unix(path)
    assert elsewhere.read_text() == "precious"


def test_a_link_in_place_of_the_socket_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="not a folder of yours"):
        bind_unix(tmp_path / "link" / "socket")


def test_only_our_own_socket_file_is_removed(tmp_path: Path) -> None:
    first = bind_unix(tmp_path / "socket")
    remove_first = unlinker(tmp_path / "socket")
    second = bind_unix(tmp_path / "socket")
    remove_second = unlinker(tmp_path / "socket")
    remove_first()
    assert (tmp_path / "socket").exists()
    remove_second()
    remove_second()
    assert not (tmp_path / "socket").exists()
    first.close()
    second.close()
