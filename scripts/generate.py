"""Writes everything that is printed from the code; --check only says what is out of date."""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from multifleet.cli import print_table  # noqa: E402
from multifleet.mcp import tools  # noqa: E402
from multifleet.operations import OPERATIONS  # noqa: E402
from multifleet.plugin import manifests, readme, skills  # noqa: E402
from scripts import config_files, printed_docs, printing  # noqa: E402


def printed() -> Iterator[tuple[Path, str]]:
    """Every printed file, relative to the root, and the text it should have."""
    yield Path("multifleet/cli/commands.py"), print_table.table()
    yield Path("multifleet/mcp/tools.json"), tools.listing(OPERATIONS)
    yield from skills.printed()
    yield from manifests.printed()
    yield from config_files.printed()
    for script in ("hand-over.sh", "session-start.sh"):  # of an extension, only what lies in its own folder travels
        yield manifests.GEMINI / "hooks" / script, printing.read(Path("hooks", script))
    for path in _documents():
        text = printed_docs.with_printed(printing.read(path))
        if path == Path("README.md"):
            text = readme.with_table(text, readme.operations_table())
        yield path, text


def main(words: list[str]) -> int:
    """Exit status 1 where --check finds a difference."""
    return printing.bring_up_to_date(printed(), check="--check" in words, by="scripts/generate.py")


def _documents() -> list[Path]:
    found = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    return [path.relative_to(ROOT) for path in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
