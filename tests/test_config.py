"""The configuration: what it may hold, what adds to what, and what is said of a bad one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.config import DEFAULT_PORT, default_node_id, join_address, load, project_of, split_address
from multifleet.errors import ConfigError


def write(folder: Path, content: Any) -> Path:
    """A config.json in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    config = load(tmp_path, environ={})
    assert (config.nodeId, config.port, config.bind) == (None, DEFAULT_PORT, ("0.0.0.0", "::"))


def test_a_file_of_an_earlier_fleet_is_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "_comment": "kept",
            "$schema": "kept too",
            "fleetId": "home",
            "chief": {"nodeId": "mac1", "host": "10.0.0.1"},
            "nodes": {
                "mac1": {
                    "host": "10.0.0.1",
                    "user": "me",
                    "role": "chief",
                    "chief_eligible": True,
                    "mac_address": "aa:bb:cc:dd:ee:ff",
                    "tailscale_ip": "100.64.0.1",
                    "lan_ip": "192.168.1.2",
                    "mdns_name": "mac1.local",
                    "tunnel_port": 2222,
                }
            },
        },
    )
    config = load(tmp_path, environ={})
    assert config.nodes["mac1"].addresses == (
        "192.168.1.2:8855",
        "10.0.0.1:8855",
        "mac1.local:8855",
        "100.64.0.1:8855",
    )


def test_a_project_adds_and_the_home_decides(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    write(home, {"port": 1, "nodes": {"mac1": {"host": "a"}}})
    write(project / ".multifleet", {"port": 2, "fleetId": "x", "nodes": {"mac1": {"host": "b"}, "mac2": {"host": "c"}}})
    config = load(home, project, environ={})
    assert (config.port, config.fleetId) == (1, "x")
    assert {name: node.host for name, node in config.nodes.items()} == {"mac1": "a", "mac2": "c"}


def test_the_environment_decides_over_both(tmp_path: Path) -> None:
    write(tmp_path, {"nodeId": "mac1", "port": 1})
    config = load(tmp_path, environ={"MULTIFLEET_NODE_ID": "mac2", "FLEET_NERVE_PORT": "9", "MULTIFLEET_FLEET_ID": "f"})
    assert (config.nodeId, config.port, config.fleetId) == ("mac2", 9, "f")


BAD: dict[str, Any] = {
    "no JSON": b"{",
    "a list": [],
    "not UTF-8": b'{"nodeId":"\xff"}',
    "a name in capitals": {"nodeId": "Mac1"},
    "a name with a newline": {"nodeId": "mac1\n"},
    "a name that is a path": {"nodes": {"../x": {}}},
    "a port beyond the last": {"port": 65_536},
    "a port as text": {"port": "8855"},
    "a word that there is not": {"prot": 8855},
    "a node's word that there is not": {"nodes": {"mac1": {"hots": "x"}}},
    "a heartbeat every hour": {"heartbeatSeconds": 3_600},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_what_is_wrong_in_one_line(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, BAD[name])
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, environ={})
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_in_the_place_of_the_file_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(ConfigError, match="is a folder, not a file: move it away"):
        load(tmp_path, environ={})


def test_a_port_in_the_environment_must_be_one(tmp_path: Path) -> None:
    for text in ("", "x", "-1", "1.5", "65536", "99999", "٣", "1" * 5000):
        with pytest.raises(ConfigError, match="FLEET_NERVE_PORT") as refused:
            load(tmp_path, environ={"FLEET_NERVE_PORT": text})
        assert "config.json" not in str(refused.value)


def test_a_project_is_found_from_the_folders_below_it_and_the_home_is_none(tmp_path: Path) -> None:
    home = tmp_path / ".multifleet"
    write(home, {})
    write(tmp_path / "a" / ".multifleet", {})
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert project_of(tmp_path / "a" / "b" / "c", home) == tmp_path / "a"
    assert project_of(tmp_path, home) is None


def test_a_node_is_named_after_the_machine_in_the_shape_of_a_name() -> None:
    assert default_node_id({"MULTIFLEET_NODE_ID": "Mein Mac (2)!"}) == "mein-mac-2"
    assert default_node_id({"MULTIFLEET_NODE_ID": "ÄÖÜ"}) == "node"
    assert default_node_id({})


@given(st.ip_addresses().map(str), st.integers(0, 65_535))
def test_an_address_is_split_as_it_was_joined(host: str, port: int) -> None:
    assert split_address(join_address(host, port)) == (host, port)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.1", "10.0.0.1", DEFAULT_PORT),
        ("mac1.local:80", "mac1.local", 80),
        ("[::1]", "::1", DEFAULT_PORT),
        ("[fe80::1]:5", "fe80::1", 5),
        ("fe80::1", "fe80::1", DEFAULT_PORT),
    ],
)
def test_a_port_may_be_left_out(text: str, host: str, port: int) -> None:
    assert split_address(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    ["", ":80", "a:b", "a:99999", "http://a", "a b", "a:1:2x", "[x]:1", "a\n", "[::1]x", "a\x1b:1", '"a":1', "<b>:1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        split_address(text)


@pytest.mark.parametrize("name", ["Bad!", "", "a/b", "mac1\n"])
def test_a_bad_name_in_the_environment_is_blamed_on_its_variable(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="MULTIFLEET_NODE_ID") as refused:
        load(tmp_path, environ={"MULTIFLEET_NODE_ID": name})
    assert "config.json" not in str(refused.value)


def test_a_home_that_is_a_file_is_told_as_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    with pytest.raises(ConfigError, match="home is not a folder: move it away"):
        load(home, environ={})


def test_a_damaged_project_file_is_named_and_asks_for_no_init(tmp_path: Path) -> None:
    path = write(tmp_path / "project" / ".multifleet", b"{")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "home", tmp_path / "project", environ={})
    assert str(path) in str(refused.value) and "init" not in str(refused.value)
