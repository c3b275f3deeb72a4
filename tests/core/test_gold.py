"""The gold of a session: words from names of files and code and its branch, and nothing of what was said or kept."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.gold import LONGEST, WORDS, Gold


def line(**used: Any) -> bytes:
    """A record of one use of a tool, with text around it."""
    content = [{"type": "text", "text": "hunter hunter hunter"}, {"type": "tool_use", "name": "Edit", "input": used}]
    return json.dumps({"type": "assistant", "message": {"content": content}}).encode()


def gold(*lines: bytes, branch: str = "") -> tuple[str, ...]:
    """Of a whole transcript."""
    made = Gold()
    for one in lines:
        made.feed(one)
    return made.words(branch)


def test_names_of_files_code_and_branch_say_what_it_is_about() -> None:
    text = (
        "import billing.invoices\nclass InvoicePrinter:\n    def round_cents(self):\n        password = 'swordfish'\n"
    )
    words = gold(
        line(file_path="/home/ada/shop/invoice_printer.py", new_string=text),
        line(file_path="/home/ada/shop/invoice_totals.py"),
        branch="fix/rounding-of-cents",
    )
    assert words[0] == "invoice"
    assert {"printer", "totals", "rounding", "cents", "billing"} <= set(words)
    assert not {"swordfish", "password", "ada", "shop", "hunter"} & set(words)


@pytest.mark.parametrize(
    "said",
    [
        {"command": "export PASSPHRASE=swordfish; def swordfish"},
        {"file_path": "/x/.env", "content": "class swordfish"},
        {"file_path": "/x/secrets/swordfish.py", "content": "def swordfish"},
        {"file_path": "/x/swordfish.pem"},
        {"file_path": "/x/sk4f5a6b7c8swordfish.txt"},
        {"content": "def swordfish"},
        {"file_path": "/x/", "content": "key = 'swordfish'  # def swordfish"},
        {"prompt": "class swordfish", "description": "class swordfish"},
        {"file_path": ["swordfish"], "content": {"def": "swordfish"}},
    ],
    ids=str,
)
def test_what_may_be_a_secret_is_not_looked_at(said: dict[str, Any]) -> None:
    assert gold(line(**said)) == ()


@pytest.mark.parametrize(
    "bad", [b"", b'{"tool_use"', b'"tool_use"', b'["tool_use"]', b'{"message":{"content":"tool_use"}}']
)
def test_a_line_that_is_no_record_says_nothing(bad: bytes) -> None:
    assert gold(bad) == ()


def test_the_words_are_few_and_those_met_most_often_come_first() -> None:
    names = ["zebra"] * 3 + [f"{chr(97 + i)}{chr(97 + j)}word" for i in range(10) for j in range(10)]
    words = gold(*(line(file_path=f"/x/{name}.rs") for name in names))
    assert words[0] == "zebra" and len(words) == WORDS


@given(st.text(max_size=200), st.text(max_size=400), st.text(max_size=80))
def test_whatever_it_is_fed_its_words_are_short_plain_letters(path: str, text: str, branch: str) -> None:
    for word in gold(line(file_path=path, content=text), branch=branch):
        assert word.isascii() and word.isalpha() and word.islower() and len(word) <= LONGEST
