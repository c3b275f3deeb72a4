"""Prints the table of operations that stands between two markers in README.md."""

from multifleet.operations import OPERATIONS

BEGIN, END = "<!-- operations: printed by scripts/generate.py -->", "<!-- operations end -->"


def operations_table() -> str:
    """A Markdown table, one row for each operation."""
    rows = ["| command | HTTP | MCP tool | what it does |", "| --- | --- | --- | --- |"]
    for operation in OPERATIONS:
        tool = f"`{operation.tool}`" + ("" if operation.mcp else " (with `--all`)")
        rows.append(f"| `{operation.name}` | `{operation.http}` | {tool} | {operation.summary} |")
    return "\n".join(rows)


def with_table(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """The text with the table between its markers; ValueError where they are missing."""
    if begin not in text or end not in text:
        raise ValueError(f"there is no {begin!r} ... {end!r}")
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{table}\n{end}{tail}"
