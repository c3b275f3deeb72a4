"""What strict JSON is, and that refusing what is not takes no time."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.strict import DEPTH_LIMIT, NotStrict, parse

REFUSED: dict[str, tuple[bytes, str]] = {
    "nested 1,000 lists": (b"[" * 1_000 + b"]" * 1_000, "nested deeper"),
    "nested 1,000 objects": (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, "nested deeper"),
    "one level too deep": (b"[" * (DEPTH_LIMIT + 1) + b"]" * (DEPTH_LIMIT + 1), "nested deeper"),
    "half a million brackets": (b"[" * 500_000, "nested deeper"),
    "95,000 keys": (b"{" + b",".join(b'"k%d":1' % i for i in range(95_000)) + b"}", "elements"),
    "2,000 keys": (b"{" + b",".join(b'"k%d":1' % i for i in range(2_000)) + b"}", "keys in one object"),
    "60,000 elements": (b"[" + b"0," * 60_000 + b"0]", "elements"),
    "25,000 lists": (b"[" + b"[]," * 25_000 + b"[]]", "lists and objects"),
    "a 5,000-digit integer": (b"9" * 5_000, "digits"),
    "a negative 5,000-digit integer": (b'{"a":-' + b"9" * 5_000 + b"}", "digits"),
    "NaN": (b'{"a":NaN}', "NaN"),
    "Infinity": (b"[Infinity]", "Infinity"),
    "-Infinity": (b"[-Infinity]", "-Infinity"),
    "a number out of range": (b"[1e400]", "out of range"),
    "a key twice": (b'{"a":1,"a":1}', "twice"),
    "a key twice, written differently": (b'{"a":1,"\\u0061":2}', "twice"),
    "a key twice, deep down": (b'[{"b":[{"a":1,"a":2}]}]', "twice"),
    "half a surrogate pair": (b'"\\ud800"', "surrogate"),
    "half a surrogate pair in a key": (b'{"\\udc00":1}', "surrogate"),
    "surrogates in the wrong order": (b'["\\udc00\\ud800"]', "surrogate"),
    "a surrogate as bytes": (b'"\xed\xa0\x80"', "UTF-8"),
    "an overlong encoding": (b'"\xc0\xaf"', "UTF-8"),
    "Latin-1": ('{"a":"ä"}'.encode("latin-1"), "UTF-8"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "UTF-8"),
    "UTF-16 without a mark": ('{"a":1}'.encode("utf-16-le"), "not JSON"),
    "UTF-32": ('{"a":1}'.encode("utf-32-be"), "not JSON"),
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}', "not JSON"),
    "a newline in a string": (b'"a\nb"', "not JSON"),
    "a null byte in a string": (b'"a\x00b"', "not JSON"),
    "a comma too many": (b"[1,]", "not JSON"),
    "single quotes": (b"{'a':1}", "not JSON"),
    "a comment": (b"[1/**/]", "not JSON"),
    "two documents": (b"{}{}", "not JSON"),
    "a leading zero": (b"[01]", "not JSON"),
    "a hexadecimal number": (b"[0x10]", "not JSON"),
    "a string without an end": (b'"abc', "not JSON"),
    "nothing": (b"", "not JSON"),
    "blanks": (b" \n", "not JSON"),
}

SLOW: dict[str, bytes] = {
    "a string without an end, of escaped quotes": b"[" * 40 + b'"' + b'\\"' * 500_000,
    "a string without an end, of backslashes": b"[" * 40 + b'"' + b"\\" * 1_000_000,
    "quotes alone": b"[" * 40 + b'"' * 1_000_000,
    "a million digits and a fraction": b"1" * 1_000_000 + b".5",
    "brackets in strings": b"[" + b'"[[[[[[[[",' * 49_000 + b"0]",
    "escapes": b'"' + b"\\u0041" * 160_000 + b'"',
    "deep and never closed": b'[{"a":' * 170_000,
    "a mebibyte of commas": b"," * (1 << 20),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_readers_could_understand_differently_is_refused(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(NotStrict, match=reason):
        parse(data)


@pytest.mark.parametrize("name", [*REFUSED, *SLOW])
def test_a_hostile_document_does_not_take_long(name: str) -> None:
    data = REFUSED[name][0] if name in REFUSED else SLOW[name]
    fastest = min(_seconds(data) for _ in range(3))
    assert fastest < 0.05


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":[1,-2.5,true,null,"x"]}', {"a": [1, -2.5, True, None, "x"]}),
        (b' \t\r\n{"a" : 1}\n', {"a": 1}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        ('"ä\U0001f600"'.encode(), "ä\U0001f600"),
        (b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT, json.loads("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT)),
        (b'"' + b"[{" * 5_000 + b'"', "[{" * 5_000),
        (b'["' + b'\\"[' * 100 + b'"]', ['"[' * 100]),
        (b"9223372036854775807", 2**63 - 1),
    ],
)
def test_what_all_readers_understand_alike_is_read(data: bytes, value: object) -> None:
    assert parse(data) == value


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Cs: half surrogates cannot be written as UTF-8.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=30,
)


@given(values, st.booleans())
def test_every_ordinary_document_is_read_as_the_standard_reader_does(value: object, escaped: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0d8ne1- ', max_size=200).map(str.encode))
def test_no_bytes_raise_anything_but_not_strict(data: bytes) -> None:
    try:
        parse(data)
    except NotStrict:
        pass


def _seconds(data: bytes) -> float:
    began = time.thread_time()
    try:
        parse(data)
    except NotStrict:
        pass
    return time.thread_time() - began
