"""Writes the manifests of all clients from multifleet/plugin/manifests.py; --check only says what is out of date."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from multifleet.plugin import manifests  # noqa: E402
from scripts import printing  # noqa: E402


def main(words: list[str]) -> int:
    """Exit status 1 where --check finds a difference."""
    return printing.bring_up_to_date(manifests.printed(), check="--check" in words, by="scripts/build_manifests.py")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
