"""What the demo prints while it runs: its story for a person, or nothing where only the outcome is wanted."""

import sys

from multifleet.core.visible import visible


class Teller:
    """Prints at once; a quiet one prints nothing. What came from a node is made inert."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def act(self, title: str) -> None:
        """A new part of the story."""
        self._print(f"\n{title}")

    def say(self, text: str) -> None:
        """A sentence."""
        self._print(f"  {text}")

    def command(self, node: str, words: tuple[str, ...]) -> None:
        """What a person would have typed on that node."""
        shown = " ".join(f'"{word}"' if " " in word else word for word in words)
        self._print(f"  {node}$ multifleet {shown}")

    def output(self, text: str) -> None:
        """What a command printed, line by line."""
        for line in text.splitlines():
            self._print(f"    {line}")

    def _print(self, text: str) -> None:
        if not self._quiet:
            sys.stdout.write(visible(text) + "\n")
            sys.stdout.flush()
