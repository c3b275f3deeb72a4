"""The template and the schema in config/: they hold every key, change nothing, and allow what the product allows."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multifleet.config import ChannelSettings, Chief, Config, NodeEntry, load
from multifleet.node.checks.settings import missing, useless
from scripts.config_files import EXAMPLES, SCHEMA, TEMPLATE, schema, template
from tests.config_values import config_values
from tests.docs_pages import ROOT

WRITTEN = json.loads((ROOT / TEMPLATE).read_text())
CHECKER = jsonschema.Draft7Validator(schema())


def test_a_copy_of_the_template_is_a_configuration_that_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((ROOT / TEMPLATE).read_bytes())
    config = load(tmp_path, environ={})
    assert config == Config()
    assert [*useless(config, {}), *missing(config)] == []


def test_the_template_has_every_key_and_an_example_for_what_a_default_does_not_show() -> None:
    assert {name for name in WRITTEN if not name.startswith(("_", "$"))} == set(Config.__struct_fields__)
    assert {name[1:] for name in WRITTEN if name.startswith("_")} == {"", *EXAMPLES}
    assert set(WRITTEN["_nodes"]["mac2"]) == set(NodeEntry.__struct_fields__)
    assert set(WRITTEN["_chief"]) == set(Chief.__struct_fields__)
    assert set(WRITTEN["_channels"]) == set(ChannelSettings.__struct_fields__)


def test_its_examples_are_of_use_once_they_are_switched_on(tmp_path: Path) -> None:
    switched_on = template() | {name: WRITTEN[f"_{name}"] for name in EXAMPLES}
    (tmp_path / "config.json").write_text(text := json.dumps(switched_on))
    config = load(tmp_path, environ={})
    assert config == Config(**EXAMPLES)
    assert [*useless(config, {}), *missing(config)] == []
    CHECKER.validate(json.loads(text))


def test_the_template_names_the_schema_that_lies_beside_it_and_is_one() -> None:
    beside = ROOT / TEMPLATE.parent / WRITTEN["$schema"]
    assert beside.resolve() == ROOT / SCHEMA
    jsonschema.Draft7Validator.check_schema(json.loads(beside.read_text()))
    CHECKER.validate(WRITTEN)
    assert "\\Z" not in str(schema()), "no pattern of JSON Schema ends so"


def test_an_editor_can_say_of_every_key_what_it_means() -> None:
    found = schema()
    for part in (found, *found["definitions"].values()):
        assert all(field.get("description") or name == "$schema" for name, field in part["properties"].items())


@pytest.mark.parametrize(
    "said", [{"prot": 1}, {"port": 65_536}, {"nodes": {"Mac2": {}}}, {"nodes": {"mac2": {"hots": ""}}}, {"chief": {}}]
)
def test_an_editor_is_told_of_a_mistake(said: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        CHECKER.validate(said)


values = config_values((0.5, 601.5, -1.5))  # 1.0 is a whole number for an editor, and none for us


@given(st.dictionaries(st.sampled_from((*Config.__struct_fields__, "prot")), values, max_size=3))
@settings(max_examples=60, deadline=None)
def test_the_schema_refuses_what_is_refused_and_nothing_else(found: dict[str, Any]) -> None:
    try:
        msgspec.convert(found, Config)
    except msgspec.ValidationError:
        assert not CHECKER.is_valid(found)
    else:
        assert CHECKER.is_valid(found)
