"""Prints what a command says for an agent that reads it: between two lines with a mark that nobody can foresee, and
with everything broken that a model could take for its client's or its user's words.

All of it waits until the command is over, so a picture that goes on for ever is refused here.
"""

import contextlib
import io
import secrets
import sys
from collections.abc import Callable, Sequence

FENCED = "MULTIFLEET_FENCED"
"""The environment variable that asks for it."""
FAILED, USAGE = 1, 2
"""As in cli/main.py, which costs more to import here than these two."""


def fenced(run: Callable[[], int], words: Sequence[str] = ()) -> int:
    """Run the command of these words, and print what it wrote, faults included, once it is over; its exit status."""
    from multifleet.core.fence import fence_data

    kept = io.BytesIO()
    # As the real one is: commands write bytes to it, and say what is to become of what it cannot write.
    written = io.TextIOWrapper(kept, "utf-8", errors="backslashreplace", newline="", write_through=True)
    try:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            return _run(run, words)
    finally:
        text = fence_data(kept.getvalue().decode(errors="replace"), delimiter=secrets.token_hex(12))
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        sys.stdout.write(text)
        sys.stdout.flush()


def _run(run: Callable[[], int], words: Sequence[str]) -> int:
    if "--watch" in words:
        print("multifleet: what is fenced is shown when it is over: leave --watch out", file=sys.stderr)
        return USAGE
    try:
        return run()
    except Exception:  # noqa: BLE001  its words may be another machine's: they belong between the lines as well
        import traceback

        traceback.print_exc()
        return FAILED
