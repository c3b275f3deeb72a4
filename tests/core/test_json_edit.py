"""Text that was added to somebody's JSON and is taken out again leaves that JSON byte for byte."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.json_edit import value_at, with_item, without
from multifleet.core.json_reading import NotJson, read

ITEM = {"hooks": [{"type": "command", "command": "/bin/sh"}]}
PATH = ("hooks", "Stop")

SPACES = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", "  \n\n    ", " /* , ] } */ ", '// "}\n'])
PLAIN = st.sampled_from(["1", "-2.5e3", "true", "null", '"a"', '"\\"},\\u00e9"', '"// no comment"', "[]", "{ }"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An object as people and programs write them, with or without what is added to."""
    stop = draw(st.sampled_from(["[]", "[ 1 ]", "[\n    {}\n  ]", "[1,2 /* two */]", "[ ]", "[3,]"]))
    members = [f'"k{n}"{draw(SPACES)}:{draw(SPACES)}{draw(PLAIN)}' for n in range(draw(st.integers(0, 3)))]
    hooks = [f'"Stop":{stop}'] if draw(st.booleans()) else []
    if draw(st.booleans()):
        hooks.append('"Start": [[]]')
    if draw(st.booleans()):
        members.insert(
            draw(st.integers(0, len(members))), f'"hooks": {{{draw(SPACES)}{",".join(hooks)}{draw(SPACES)}}}'
        )
    inner = (draw(SPACES) + "," + draw(SPACES)).join(members)
    ending = "," if members and draw(st.booleans()) else ""
    return f"{draw(SPACES)}{{{draw(SPACES)}{inner}{draw(SPACES)}{ending}{draw(SPACES)}}}{draw(SPACES)}"


@given(texts())
def test_what_was_added_is_there_and_nothing_else_has_changed(text: str) -> None:
    before = read(text).value
    after = read(with_item(text, PATH, ITEM).text).value
    assert after["hooks"]["Stop"].pop() == ITEM
    for path in (PATH, PATH[:1]):
        if value_at(before, path) is None:
            container = value_at(after, path[:-1])
            assert not container.pop(path[-1])
    assert after == before and list(after) == list(before)


@given(texts())
def test_what_is_taken_out_again_leaves_the_text_as_it_was(text: str) -> None:
    added, made = with_item(text, PATH, ITEM)
    place = len(read(added).value["hooks"]["Stop"]) - 1
    back = without(added, made[0] if made else (*PATH, place))
    if read(text).value:
        assert back == text
    else:
        assert read(back).value == {}, "an object with nothing in it gets its line breaks"


@given(texts(), st.data())
def test_what_others_add_stays_when_it_is_taken_out(text: str, data: st.DataObject) -> None:
    added, made = with_item(text, PATH, ITEM)
    others = with_item(added, data.draw(st.sampled_from([PATH, ("hooks", "Start"), ("mine",)])), "theirs").text
    wanted = read(others).value
    place = wanted["hooks"]["Stop"].index(ITEM)
    del wanted["hooks"]["Stop"][place]
    assert read(without(others, (*PATH, place))).value == wanted
    assert len(made) in (0, 1, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "a": [\n    1\n  ]\n}'),
        ("{}\n", '{\n  "a": [\n    1\n  ]\n}\n'),
        ('{\n\t"b": {}\n}\n', '{\n\t"b": {},\n\t"a": [\n\t\t1\n\t]\n}\n'),
        ('{\r\n    "b": 2\r\n}', '{\r\n    "b": 2,\r\n    "a": [\r\n        1\r\n    ]\r\n}'),
        ('{"b":2}', '{"b":2,"a": [1]}'),
        ('{"a": []}', '{"a": [1]}'),
        ('{"a": [0, 0]}', '{"a": [0, 0, 1]}'),
        ('{\n  "a": [\n    0 // none\n  ]\n}', '{\n  "a": [\n    0,\n    1 // none\n  ]\n}'),
        ('\ufeff{"a":[]}', '\ufeff{"a":[1]}'),
    ],
)
def test_what_is_added_looks_like_what_is_around_it(before: str, after: str) -> None:
    assert with_item(before, ("a",), 1).text == after


def test_a_comment_that_stands_before_what_is_taken_out_stays() -> None:
    assert without('{"a": [0, // mine\n 1]}', ("a", 1)) == '{"a": [0 // mine\n ]}'
    assert without('{"a": [0, /* mine */ 1]}', ("a", 0)) == '{"a": [ /* mine */ 1]}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1 2]",
        '{"a" 1}',
        '{"a": }',
        "{} {}",
        "nul",
        '{"a": 1, "a": 2}',
        "{a: 1}",
        '"\n"',
        "[" * 100,
        "{,}",
        "/*",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(NotJson, match="line"):
        read(text)


@pytest.mark.parametrize("text", ["[]", '{"hooks": []}', '{"hooks": null}', '{"hooks": {"Stop": {}}}', "3"])
def test_what_has_another_shape_is_refused(text: str) -> None:
    with pytest.raises(NotJson, match="is no"):
        with_item(text, PATH, ITEM)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
        max_leaves=20,
    )
)
def test_plain_json_is_read_as_every_reader_does(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=3, ensure_ascii=False)):
        assert read(text).value == value
