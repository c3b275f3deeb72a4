"""Makes a peer's text inert: what a terminal, a log or a model would obey or not see is written out as
\\u{202e}.

Nothing is removed and nothing is translated: whoever reads the result can tell what had been there.
"""

import unicodedata

_KEPT = frozenset("\n\t")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
_VARIATION_SELECTORS = (range(0xFE00, 0xFE0F), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))


def visible(text: str, *, one_line: bool = False) -> str:
    """The text with control, direction, zero-width and unpaired surrogate characters written out.

    Newlines and tabs stay, unless one_line: then a newline is written \\n and a tab becomes a space.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character, one_line) for character in text)


def is_inert(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return visible(text) == text


def _shown(character: str, one_line: bool) -> str:
    if character in _KEPT:
        return character if not one_line else " " if character == "\t" else "\\n"
    if character.isascii():
        return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
    if _is_hidden(character):
        return f"\\u{{{ord(character):x}}}"
    return character


def _is_hidden(character: str) -> bool:
    if unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE_LETTERS:
        return True
    number = ord(character)
    return any(number in block for block in _VARIATION_SELECTORS)
