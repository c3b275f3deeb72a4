"""What the documentation says that can be checked: its links, its commands, its quotations."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md"])

ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
"""Of a message, as the command line prints it."""
MODELS_PAGES = {path.parent.name: path for path in sorted(ROOT.glob("skills/*/SKILL.md"))} | {
    path.stem: path for path in sorted(ROOT.glob("agents/*.md"))
}
"""Skills and agents for a model to act on, by name; what lies in commands/ is a person's to start."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_STANDS_FOR_ONE = {
    "N": "1",
    "S": "1",
    "STATE": "stored",
    "ID": "01990000-0000-7000-8000-000000000000",
    "HOST:PORT": "192.0.2.7:8855",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a console block: on which node, and what."""

    node: str
    words: tuple[str, ...]


def name_of(page: Path) -> str:
    """The page's path in the project."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, kind: str) -> list[str]:
    """The page's fenced blocks of one kind."""
    return [body for found, body in _FENCE.findall(page.read_text()) if found == kind]


def session(page: Path) -> list[Typed]:
    """All commands of the page's console blocks, in order."""
    typed = []
    for line in "".join(blocks(page, "console")).splitlines():
        node, _, command = line.partition("$ ")
        typed.append(Typed(node, tuple(shlex.split(command))))
    return typed


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The page's links into the project: the file, and the heading (empty for none)."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if "://" not in target:
            path, _, heading = target.partition("#")
            yield (page.parent / path).resolve() if path else page, heading


def headings(page: Path) -> set[str]:
    """The page's headings as they are linked to."""
    found = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def commands(page: Path) -> Iterator[list[str]]:
    """Everything that the page tells to type after `multifleet`, with examples for what stands in capitals."""
    text = page.read_text()
    shown = [*_CODE.findall(_FENCE.sub("", text)), *"".join(blocks(page, "sh")).splitlines()]
    for line in shown:
        if found := re.match(r"(?:bin/)?multifleet ([a-z].*)", line):
            yield [_STANDS_FOR_ONE.get(word, word) for word in shlex.split(found[1])]
    for typed in session(page):
        if typed.words[0] == "multifleet":
            yield [_STANDS_FOR_ONE.get(word, word) for word in typed.words[1:]]


def sentences() -> list[str]:
    """Every text in the product's code, with an ellipsis where a value is put in."""
    return [
        _text(node)
        for path in (ROOT / "multifleet").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    ]


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "\u2026" for part in node.values)
