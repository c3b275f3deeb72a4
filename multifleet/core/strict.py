"""Reading JSON that a stranger wrote: strictly, and in bounded time.

Two readers that disagree about one document are a hole, so everything on which JSON readers differ is refused:
duplicate keys, NaN and infinities, lone surrogates, integers beyond 64 bits, encodings other than UTF-8, deep nesting.
"""

import json
import math
import re
from typing import Any

DEPTH_LIMIT = 32
CONTAINER_LIMIT = 20_000
KEY_LIMIT = 1_000
ELEMENT_LIMIT = 50_000
INTEGER_DIGITS = 19
BEGINNING = 64 * 1024
"""Characters that are looked at first."""

# Possessive, and the closing quote may be missing: a text without it must not be searched again from each quote.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = {code: None for code in range(128) if chr(code) not in "[]{}"}


class NotStrict(ValueError):
    """The document is not JSON, or not JSON that every reader understands alike."""


def parse(data: bytes) -> Any:
    """The document as dicts, lists, strings, numbers, bools and None; NotStrict says what is wrong with it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("the text is not UTF-8") from None
    _check_nesting(text)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except NotStrict:
        raise
    except (ValueError, RecursionError) as error:
        raise NotStrict(f"not JSON: {error}") from None
    if "\\u" in text:
        _check_surrogates(document)
    return document


def _check_nesting(text: str) -> None:
    few = text.count("[") + text.count("{") <= DEPTH_LIMIT
    if few and text.count(",") <= ELEMENT_LIMIT:
        return
    # What is wrong near its beginning is seen without a look at the rest; up to the first cut string it is the same.
    _check_depth(_STRING.sub("", text[:BEGINNING]).partition('"')[0].translate(_NOT_BRACKETS))
    bare = _STRING.sub("", text)
    if bare.count(",") > ELEMENT_LIMIT:
        raise NotStrict(f"more than {ELEMENT_LIMIT} elements")
    brackets = bare.translate(_NOT_BRACKETS)
    if len(brackets) > 2 * CONTAINER_LIMIT:
        raise NotStrict(f"more than {CONTAINER_LIMIT} lists and objects")
    _check_depth(brackets)


def _check_depth(brackets: str) -> None:
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_LIMIT:
            raise NotStrict(f"nested deeper than {DEPTH_LIMIT}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > KEY_LIMIT:
        raise NotStrict(f"more than {KEY_LIMIT} keys in one object")
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotStrict("a key stands twice in one object")
    return made


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > INTEGER_DIGITS:
        raise NotStrict(f"an integer has more than {INTEGER_DIGITS} digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotStrict("a number is out of range")
    return number


def _constant(name: str) -> float:
    raise NotStrict(f"{name} is not JSON")


def _check_surrogates(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrict("a string has half of a surrogate pair") from None
