"""Prints what a command says for an agent that reads it: between two lines with a mark that nobody can foresee, and
with everything broken that a model could take for its client's or its user's words.
"""

import contextlib
import io
import secrets
import sys
from collections.abc import Callable

FENCED = "MULTIFLEET_FENCED"
"""The environment variable that asks for it."""


def fenced(run: Callable[[], int]) -> int:
    """Run a command, and print what it wrote, faults included, once it is over; its exit status."""
    written = io.StringIO()
    try:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            return run()
    finally:
        from multifleet.core.fence import fence_data

        sys.stdout.write(fence_data(written.getvalue(), delimiter=secrets.token_hex(12)))
        sys.stdout.flush()
