"""The gold of a session: a few words on what it is about, taken from its transcript and never of its text.

Words come from the names of files that it opened, from names that its code defines or imports, and from its branch.
What a person or a model said is not looked at, nor what a command printed, nor any value in a file.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

WORDS = 12
"""At the most."""
SHORTEST, LONGEST = 3, 24
"""Letters of a word."""
TEXT_LIMIT = 200_000
"""Characters of one edit that are looked at."""
FILE, DEFINED, IMPORTED, BRANCH = 3, 2, 1, 3
"""What a word counts for where it stands in the name of a file, is defined, is imported, or is the branch's."""

_PATHS = ("file_path", "notebook_path")
_TEXTS = ("content", "new_string", "new_source")
_DEFINED = re.compile(
    r"^[ \t]*(?:(?:export|default|pub|public|private|protected|static|async|abstract|final)[ \t]+){0,4}"
    r"(?:def|class|fn|func|function|struct|enum|interface|trait|type|module)[ \t]+([A-Za-z_][A-Za-z0-9_]{0,80})",
    re.MULTILINE,
)
_IMPORTED = re.compile(r"^[ \t]*(?:import|from|use)[ \t]+([A-Za-z_][A-Za-z0-9_.:]{0,120})", re.MULTILINE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_DIGITS = re.compile("[0-9]")
_SECRET = re.compile(
    r"secret|passw|credential|token|\.env|\.pem|\.key|id_rsa|id_ed25519|\.netrc|\.pgpass|keyring", re.I
)
_COMMON = frozenset(
    "the and for not with from into this that self init main test tests index src lib app apps new old tmp temp home"
    " python typing import export default class function def async await none true false str int bool list dict"
    " file files path name data util utils type types annotations future readme license lock head master feature fix"
    " feat bugfix hotfix release wip users user root var usr opt".split()
)


class Gold:
    """Gathers the words of one session, a line of its transcript after the other."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._seen: set[tuple[str, str]] = set()

    def feed(self, line: bytes) -> None:
        """One line; what is no edit or look at a file says nothing."""
        if b'"tool_use"' not in line:
            return
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return
        for used in _uses(record):
            self._take(used)

    def words(self, branch: str = "") -> tuple[str, ...]:
        """What it is about, the most telling first."""
        count = self._count.copy()
        for word in set(_words(branch)):
            count[word] += BRANCH
        return tuple(word for word, _ in sorted(count.items(), key=lambda item: (-item[1], item[0]))[:WORDS])

    def _take(self, used: dict[str, Any]) -> None:
        paths = [path for path in (used.get(key) for key in _PATHS) if isinstance(path, str)]
        if any(_SECRET.search(path) for path in paths):
            return
        for path in paths:
            self._add(_words(path.rpartition("/")[2].partition(".")[0]), FILE)
        if not paths:
            return
        for text in (used.get(key) for key in _TEXTS):
            if isinstance(text, str):
                text = text[:TEXT_LIMIT]
                self._add(_names(_DEFINED.findall(text)), DEFINED)
                self._add(_names(_IMPORTED.findall(text)), IMPORTED)

    def _add(self, words: Iterable[str], weight: int) -> None:
        for word in set(words):
            self._count[word] += weight


def _names(names: Iterable[str]) -> list[str]:
    return [word for name in names for word in _words(name)]


def _words(text: str) -> list[str]:
    """The plain words in a name; a name with many digits in it is no name but a key."""
    if len(_DIGITS.findall(text)) > 4 or len(text) > 100:
        return []
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in found if SHORTEST <= len(word) <= LONGEST and word not in _COMMON]


def _uses(record: Any) -> list[dict[str, Any]]:
    message = record.get("message") if isinstance(record, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    blocks = content if isinstance(content, list) else []
    return [
        block["input"]
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "tool_use" and isinstance(block.get("input"), dict)
    ]
