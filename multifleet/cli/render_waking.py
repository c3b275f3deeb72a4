"""Results of reaching for a machine that does not answer, for people."""

from typing import Any

from multifleet.cli.table import cell, table

Result = dict[str, Any]


def woken(found: Result) -> str:
    """Each step, and what it comes to."""
    rows = [(one["step"], "yes" if one["ok"] else "no", one["words"]) for one in found["steps"]]
    verdict = "is awake" if found["awake"] else "is not known to be awake"
    remedy = "" if found["awake"] else ": give it longer (--timeout), or see docs/wake.md for what it takes to be woken"
    return table(("STEP", "OK", ""), rows, empty="nothing was tried") + f"{cell(found['node'])} {verdict}{remedy}\n"


def cloud(found: Result) -> str:
    """Where the session is, and no more than is known."""
    return f"a cloud session was created: {cell(found['url'])}\n"
