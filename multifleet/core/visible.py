"""Makes a peer's text inert: what a terminal, a log or a model would obey or not see is written out as
\\u{202e}.

Nothing is removed and nothing is translated: whoever reads the result can tell what had been there.
"""

import unicodedata

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
_REMEMBERED = 4_096
"""Characters of which the form is kept, so that no text can fill the memory."""
_VARIATION_SELECTORS = (range(0xFE00, 0xFE0F), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))


def visible(text: str, *, one_line: bool = False) -> str:
    """The text with control, direction, zero-width and unpaired surrogate characters written out.

    Newlines and tabs stay, unless one_line: then a newline is written \\n and a tab becomes a space.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_ONE_LINE if one_line else _LINES)


def is_inert(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return visible(text) == text


class _Shown(dict[int, str]):
    """How each character is shown, worked out when it first occurs; str.translate looks things up here."""

    def __init__(self, kept: dict[str, str]) -> None:
        super().__init__({ord(character): shown for character, shown in kept.items()})

    def __missing__(self, number: int) -> str:
        shown = f"\\u{{{number:x}}}" if _is_hidden(chr(number)) else chr(number)
        if len(self) < _REMEMBERED:
            self[number] = shown
        return shown


def _is_hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    if unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE_LETTERS:
        return True
    return any(ord(character) in block for block in _VARIATION_SELECTORS)


_LINES = _Shown({"\n": "\n", "\t": "\t"})
_ONE_LINE = _Shown({"\n": "\\n", "\t": " "})
