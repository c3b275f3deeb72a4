"""Writes printed files, or says which of them are out of date."""

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def bring_up_to_date(printed: Iterable[tuple[Path, str]], *, check: bool, by: str) -> int:
    """Exit status 1 where `check` finds a difference; `by` names the script that writes them."""
    old = [(path, text) for path, text in printed if read(path) != text]
    for path, text in old:
        print(f"{path}: " + (f"out of date, run {by}" if check else "written"))
        if not check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text)
    return 1 if old and check else 0


def read(path: Path) -> str:
    """What stands there now; nothing where there is no file."""
    try:
        return (ROOT / path).read_text()
    except FileNotFoundError:
        return ""
