"""Prints config/: a template of a node's config.json, and the schema by which editors complete and check one.

Both are read from the classes of multifleet/config.py, so that no key is missing in them and none is left over.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from multifleet.config import (
    BudgetSettings,
    ChannelSettings,
    Chief,
    CloudSettings,
    Config,
    GitSettings,
    NodeEntry,
)
from scripts.field_docs import strings_below

TEMPLATE, SCHEMA = Path("config/config.template.json"), Path("config/config.schema.json")
DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that every editor knows."""

EXAMPLES: Mapping[str, Any] = {
    "chief": Chief(nodeId="mac1", host="mac1.example"),
    "nodes": {
        "mac2": NodeEntry(
            host="mac2.example",
            user="ada",
            ssh_port=22,
            role="worker",
            mac_address="02:00:00:00:00:11",
            tailscale_ip="192.0.2.12",
            lan_ip="192.0.2.2",
            mdns_name="mac2.local",
        )
    },
    "channels": ChannelSettings(off=("git",), routes={"alert": ("http", "relay", "ssh")}, timeouts={"http": 5.0}),
    "advertise": ("192.0.2.1", "mac1.example:8855"),
    "git": GitSettings(remote="ssh://git@git.example/fleet.git"),
    "cloud": CloudSettings(routine="https://routines.example/v1/routines/mine/fire"),
    "natsUrl": "tls://nats1.example:4222,tls://nats2.example:4222",
}
"""What the defaults do not show, by key: in the template below each, under a name that is passed over."""

_KINDS = (BudgetSettings, ChannelSettings, Chief, CloudSettings, Config, GitSettings, NodeEntry)


def printed() -> Iterator[tuple[Path, str]]:
    """Both files, relative to the root, and their texts."""
    yield TEMPLATE, _text(template())
    yield SCHEMA, _text(schema())


def template() -> dict[str, Any]:
    """Every key with its default, which a copy of it does not change; examples stand beside, switched off by a "_"."""
    made: dict[str, Any] = {
        "$schema": f"./{SCHEMA.name}",
        "_": "Take what is to differ into config.json of the node's home, beside the nodeId that `multifleet init` has "
        "put there. Names that begin with _ are passed over: what stands there is an example. docs/configuration.md "
        "tells what each key means, and `multifleet doctor settings` what is wrong with a value.",
    }
    for name, value in msgspec.to_builtins(Config()).items():
        made[name] = value
        if name in EXAMPLES:
            made[f"_{name}"] = msgspec.to_builtins(EXAMPLES[name])
    return made


def schema() -> dict[str, Any]:
    """As JSON Schema, with what is said of each key."""
    _, kinds = msgspec.json.schema_components([Config], ref_template="#/definitions/{name}")
    for struct in _KINDS:
        for name, words in strings_below(struct).items():
            kinds[struct.__name__]["properties"][name]["description"] = words
    whole = kinds.pop("Config") | {
        "title": "config.json of a node of multifleet",
        "description": "docs/configuration.md shows all of it on one page.",
        "patternProperties": {"^[_$]": {}},
        "definitions": kinds,
    }
    plain_ends = json.dumps(whole).replace(r'\\Z"', '$"')  # of patterns: Python's own sign for the end of a text
    return {"$schema": DIALECT, **json.loads(plain_ends)}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
