"""Writes everything that is printed from the code; --check only says what is out of date."""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from multifleet.cli import print_table  # noqa: E402
from multifleet.operations import OPERATIONS  # noqa: E402
from multifleet.plugin import manifests, readme, skills  # noqa: E402
from scripts import printed_docs  # noqa: E402


def printed() -> Iterator[tuple[Path, str]]:
    """Every printed file, relative to the root, and the text it should have."""
    yield Path("multifleet/cli/commands.py"), print_table.table()
    for operation in OPERATIONS:
        if operation.slash:
            yield Path("skills", operation.slash_command, "SKILL.md"), skills.skill(operation)
    yield Path(".claude-plugin/plugin.json"), manifests.plugin()
    yield Path(".claude-plugin/marketplace.json"), manifests.marketplace()
    for path in _documents():
        text = printed_docs.with_printed(_read(path))
        if path == Path("README.md"):
            text = readme.with_table(text, readme.operations_table())
        yield path, text


def main(words: list[str]) -> int:
    """Exit status 1 where --check finds a difference."""
    old = [(path, text) for path, text in printed() if _read(path) != text]
    for path, text in old:
        print(f"{path}: " + ("out of date, run scripts/generate.py" if "--check" in words else "written"))
        if "--check" not in words:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text)
    return 1 if old and "--check" in words else 0


def _documents() -> list[Path]:
    found = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    return [path.relative_to(ROOT) for path in found]


def _read(path: Path) -> str:
    try:
        return (ROOT / path).read_text()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
