"""Rows of the table of where we stand: a figure, its goal, its floor, and whether it is reached."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """`figure` is compared with `at_most` or `at_least`; beyond `floor` it is a failure."""

    name: str
    measured: str
    figure: float
    at_most: float | None = None
    at_least: float | None = None
    floor: float | None = None

    @property
    def verdict(self) -> str:
        """goal, floor (between the two), or miss."""
        if self._reaches(self.at_most, self.at_least):
            return "goal"
        if self.floor is None:
            return "miss"
        ends = (self.floor, None) if self.at_most is not None else (None, self.floor)
        return "floor" if self._reaches(*ends) else "MISS"

    @property
    def goal(self) -> str:
        """As it is written in the table."""
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"

    def _reaches(self, at_most: float | None, at_least: float | None) -> bool:
        below = at_most is None or self.figure <= at_most
        return below and (at_least is None or self.figure >= at_least)


def median_ms(times: Iterable[float]) -> str:
    return f"{median(times):.2f} ms"


def as_markdown(rows: Iterable[Row]) -> str:
    """The table for README.md."""
    lines = ["| what | measured | figure | goal | floor | |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        floor = "" if row.floor is None else f"{row.floor:g}"
        lines.append(
            f"| {row.name} | {row.measured} | {row.figure:.3g} | {row.goal} | {floor} | {row.verdict} |"
        )
    return "\n".join(lines) + "\n"
