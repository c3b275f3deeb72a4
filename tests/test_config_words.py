"""What is said of a configuration that cannot be used: each mistake by its key, and what may stand there."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multifleet.config import Config, load
from multifleet.config_words import PROBLEMS, problems
from multifleet.errors import BadSettings
from tests.config_values import config_values

SAID: dict[str, tuple[Any, str]] = {
    "a port as text": (
        {"port": "8855"},
        'port is "8855": it must be a whole number, 0 to 65535, without quotes or a point',
    ),
    "a port beyond the last": (
        {"port": 65_536},
        "port is 65536: it must be a whole number, 0 to 65535, without quotes or a point",
    ),
    "a port with a point": (
        {"port": 1.0},
        "port is 1.0: it must be a whole number, 0 to 65535, without quotes or a point",
    ),
    "a port or null": (
        {"relayPort": 1.5},
        "relayPort is 1.5: it must be a whole number, 0 to 65535, without quotes or a point or null",
    ),
    "a switch in quotes": ({"mdns": "no"}, 'mdns is "no": it must be true or false'),
    "a number for a switch": ({"mdns": 1}, "mdns is 1: it must be true or false"),
    "a switch for a number": (
        {"port": True},
        "port is true: it must be a whole number, 0 to 65535, without quotes or a point",
    ),
    "a time too long": (
        {"git": {"every": 0.5}},
        "git.every is 0.5: it must be a number, 1 to 86400, without quotes",
    ),
    "a word for a list": ({"bind": "::"}, 'bind is "::": it must be a list [...] of texts in quotes'),
    "a number in a list": ({"bind": ["::", 4]}, "bind, entry 2, is 4: it must be a text in quotes"),
    "a choice that there is not": ({"keys": "disk"}, 'keys is "disk": it must be one of auto, file, keyring'),
    "a channel that there is not": (
        {"channels": {"off": ["htp"]}},
        'channels.off, entry 1, is "htp": it must be one of cloud, git, http, nats, relay, seed, ssh, text, wake',
    ),
    "a type that there is not": (
        {"channels": {"routes": {"alarm": ["http"]}}},
        'channels.routes has the name "alarm": it must be one of alert, broadcast, context, repair, reply, sync, task',
    ),
    "a key with a slip": ({"prot": 1}, "prot is no setting: did you mean port?"),
    "a key in a wrong place": ({"nodes": {"mac2": {"remote": ""}}}, "nodes.mac2.remote is no setting"),
    "a node's key with a slip": (
        {"nodes": {"mac2": {"hots": "x"}}},
        "nodes.mac2.hots is no setting: did you mean nodes.mac2.host?",
    ),
    "a key of few": ({"git": {"xyz": 1}}, "git.xyz is no setting: there are git.remote, git.every"),
    "a name in capitals": (
        {"nodeId": "Mac1"},
        "nodeId is \"Mac1\": it must be a name of lower-case letters, digits and '-' or null",
    ),
    "a node's name that is a path": ({"nodes": {"../x": {}}}, 'nodes has the name "../x": it must be a name of'),
    "a node that is a text": ({"nodes": {"mac2": "10.0.0.2"}}, 'nodes.mac2 is "10.0.0.2": it must be an object {...}'),
    "a list of nodes": ({"nodes": []}, "nodes is a list: it must be an object {...} of objects"),
    "a chief by name alone": ({"chief": "mac1"}, 'chief is "mac1": it must be an object {...} or null'),
    "a chief without its name": ({"chief": {}}, "chief.nodeId is missing: it must be a name of lower-case letters"),
    "a list of servers": ({"natsUrl": 5}, "natsUrl is something else: it must be a text in quotes"),
}


@pytest.mark.parametrize("name", SAID)
def test_a_mistake_is_named_with_what_was_found_and_what_may_stand_there(tmp_path: Path, name: str) -> None:
    content, words = SAID[name]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    with pytest.raises(BadSettings) as refused:
        load(tmp_path, environ={})
    (line,) = refused.value.lines
    assert line.startswith(f"{path}: {words}")


def test_each_mistake_has_its_own_line_and_each_file_its_own_name(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    for folder, content in (
        (home, {"port": "x", "mdns": 1}),
        (project / ".multifleet", {"chief": 1, "port": "not read"}),
    ):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(BadSettings) as refused:
        load(home, project, environ={})
    first, second, third = refused.value.lines
    assert first.startswith(f"{home}/config.json: port is") and second.startswith(f"{home}/config.json: mdns is")
    assert third.startswith(f"{project}/.multifleet/config.json: chief is 1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{\n  "port": 1,\n}', "line 3, character 1: from there on it is not JSON"),
        (b'{"port": 1 // mine\n}', "line 1, character 12: from there on it is not JSON"),
        (b"", "it is empty"),
        (b'{"port": NaN}', "it holds what JSON does not have"),
        (b"\xff", "it is not UTF-8 text"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"5", "all of it must stand in one object"),
    ],
)
def test_what_is_not_json_is_told_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BadSettings) as refused:
        load(tmp_path, environ={})
    assert f"config.json: {words}" in str(refused.value)


def test_many_mistakes_are_told_by_the_first_of_them() -> None:
    said = problems({f"x{number}": 1 for number in range(99)}, Config)
    assert len(said) == PROBLEMS + 1 and "first" in said[-1]


def test_long_values_and_terminal_escapes_are_shown_short_and_inert() -> None:
    (said,) = problems({"port": "\x1b[2J" * 1_000}, Config)
    assert "\x1b" not in said and len(said) < 150


values = config_values((0.5, 1.0, 601.0, -1.5))


@given(st.dictionaries(st.sampled_from((*Config.__struct_fields__, "prot")), values, max_size=3))
@settings(max_examples=60)
def test_whatever_is_refused_is_explained_and_nothing_else(found: dict[str, Any]) -> None:
    try:
        msgspec.convert(found, Config)
    except msgspec.ValidationError:
        assert problems(found, Config)
    else:
        assert not problems(found, Config)


TOKEN = "sk-ant-oat01-CANARYCANARYCANARY"
PASSWORD = "https://me:CANARY@git.example/x"


@pytest.mark.parametrize(
    "content",
    [
        {"git": PASSWORD},
        {"git": "CANARY"},
        {"git": {"every": PASSWORD}},
        {"git": {"remote": {"url": PASSWORD}}},
        {"cloud": TOKEN},
        {"cloud": "CANARY"},
        {"cloud": {"token": TOKEN}},
        {"cloud": {"lastResort": "CANARY"}},
        {"natsPort": "nats://u:CANARY@h"},
        {"natsUrl": ["nats://u:CANARY@h"]},
        {"natsUrl": {"u": "CANARY"}},
        {"natsCredentials": ["nats://u:CANARY@h"]},
        {"nodes": TOKEN},
        {"nodes": {"mac2": TOKEN}},
        {"nodes": {"mac2": {"ssh_port": TOKEN}}},
        {"nodes": {TOKEN: {}}},
        {"nodes": {"mac2": "the CANARY pass phrase"}},
        {"port": "CANARY and some more"},
        {"repairAgent": TOKEN},
        {"channels": {"off": TOKEN}},
        {"channels": {"off": [TOKEN]}},
        {TOKEN: 1},
        {PASSWORD: 1},
    ],
    ids=str,
)
def test_nothing_is_repeated_that_may_be_a_password_or_a_token(content: dict[str, Any]) -> None:
    said = problems(content, Config)
    assert said and "CANARY" not in " ".join(said), said
