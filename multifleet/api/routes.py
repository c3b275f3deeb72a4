"""Which paths there are, who may ask them, and what with. Finding a route is one look-up in a dict.

A path may have parts in braces, each for exactly one segment: "/trace/{id}".
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote

from multifleet.api.answers import Answer, Refused, error_answer
from multifleet.api.reports import Reports
from multifleet.errors import MultifleetError


class Asked(NamedTuple):
    """A request as its route sees it."""

    parts: dict[str, str]
    query: str
    body: bytes
    remote: str
    """Address of the caller, or "unix"."""
    own: bool
    """Whether the caller proved to be this machine's user, and asked for this machine by name."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Names in lower case."""
    only_reads: Callable[[], None] = lambda: None
    """To be called, before it waits for anything, by a route that learns only from the body that nothing is changed."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: str
    path: str
    answer: Callable[[Asked], Awaitable[Answer]]
    owner_only: bool
    body_limit: int = 0
    """Bytes; 0: takes no body."""
    content_types: frozenset[str] = frozenset()
    ends_with_caller: bool = False
    """Whether the work is given up when its caller hangs up; work that changes something goes on."""


_NO_PARTS: dict[str, str] = {}


class Routes:
    """All routes of the daemon."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[list[str], Route]] = []
        for route in routes:
            if "{" in route.path:
                self._patterns.append((route.path.split("/"), route))
            elif self._exact.setdefault((route.method, route.path), route) is not route:
                raise ValueError(f"{route.method} {route.path} stands twice")

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and the parts of the path that it names; Refused 404 for the path, 405 for the method."""
        if route := self._exact.get((method, path)):
            return route, _NO_PARTS
        segments = path.split("/")
        allowed = {asked for asked, known in self._exact if known == path}
        for pattern, route in self._patterns:
            if (parts := _match(pattern, segments)) is not None:
                if route.method == method:
                    return route, parts
                allowed.add(route.method)
        if allowed:
            takes = ", ".join(sorted(allowed))
            raise Refused(405, "wrong_method", f"this path takes {takes} only", allow=takes)
        raise Refused(404, "unknown_path", "there is no such path")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    parts = {}
    for expected, found in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            try:
                parts[expected[1:-1]] = unquote(found, errors="strict")
            except UnicodeDecodeError:
                return None
        elif expected != found:
            return None
    return parts if all(parts.values()) else None


async def answer_always(route: Route, asked: Asked, reports: Reports) -> Answer:
    """The route's answer, or what went wrong as one; only a cancellation comes through."""
    try:
        return await route.answer(asked)
    except MultifleetError as error:
        if error.status >= 500:
            reports.failed(error.code, f"{route.method} {route.path}")
        else:
            reports.count(error.code)
        return error_answer(error.status, error.code, str(error))
    except Exception as error:  # noqa: BLE001  nothing that our code does wrong may close the door
        reports.broke(f"{route.method} {route.path}", error)
        return error_answer(500, "internal", "the daemon failed at this: its log names the place")
