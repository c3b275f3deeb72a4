"""The printed parts of the documentation: every one is shown somewhere, and says what the code says."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from multifleet.core.frame import REFUSALS
from multifleet.core.receipts import LADDER
from multifleet.core.routing import CHANNELS
from scripts.field_docs import FieldDoc, fields_of
from scripts.printed_docs import PARTS, with_printed
from tests.docs_pages import PAGES, ROOT, name_of


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_says_what_the_code_says_now(page: Path) -> None:
    text = page.read_text()
    assert with_printed(text) == text, "run scripts/generate.py"


def test_every_part_that_can_be_printed_is_shown() -> None:
    shown = "".join(page.read_text() for page in PAGES)
    assert all(f"<!-- printed: {name} -->" in shown for name in PARTS)


def test_what_stands_between_two_markers_is_replaced_and_the_rest_is_kept() -> None:
    text = "before\n<!-- printed: channels -->\nwhat was there\n<!-- end of channels -->\nafter\n"
    printed = with_printed(text)
    assert printed.startswith("before\n<!-- printed: channels -->\n| ") and printed.endswith(" -->\nafter\n")
    assert "what was there" not in printed and "P2 | http" in printed


def test_a_marker_for_which_there_is_no_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        with_printed("<!-- printed: nonsense -->\n<!-- end of nonsense -->\n")


def test_the_tables_have_a_row_for_every_refusal_and_every_rung() -> None:
    assert all(f"| `{refusal}` |" in PARTS["refusals"]() for refusal in REFUSALS)
    assert all(f"| `{rung.state}` |" in PARTS["ladder"]() for rung in LADDER)


def test_what_every_channel_costs_and_shows_is_told() -> None:
    page = (ROOT / "docs/channels.md").read_text()
    rows = dict(re.findall(r"^\| (P\d) \| \[?(\w+)\b", page.split("## What each costs")[1], re.MULTILINE))
    assert rows == {facts.priority: facts.name for facts in CHANNELS.values() if facts.priority}


def test_every_field_that_travels_and_every_setting_says_what_it_means() -> None:
    packets = ("request", "message", "answer", "packet-answer", "statement", "gossip", "facts", "rumor", "document")
    for name in (*packets, "card", "settings"):
        assert " | - |\n" not in PARTS[name](), name


class Example(msgspec.Struct):
    """To be described."""

    name: Annotated[str, msgspec.Meta(max_length=9)]
    """What it is
    called."""
    on: bool = False
    "A <b> | c."


def test_a_field_is_described_by_its_limits_its_default_and_the_text_below_it() -> None:
    assert list(fields_of(Example)) == [
        FieldDoc("name", "text, at most 9 characters", True, "", "What it is called."),
        FieldDoc("on", "true or false", False, "`false`", "A &lt;b> \\| c."),
    ]
