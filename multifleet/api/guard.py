"""Who may ask what: every check on the head of a request, made before a byte of its body is read.

Operations are for this machine's user only, whom the connection (or a token) proves. That user's browser
passes that proof, too, so whatever a page could make it send is refused: another Host (a name rebound to
us), another Origin, a form's content type. Peers prove themselves by the frame, not by the connection.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from multifleet.api.answers import Refused
from multifleet.api.inflow import Head
from multifleet.api.routes import Route, Routes

LOOPBACK_NAMES = frozenset({"127.0.0.1", "[::1]", "localhost"})

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")


class Caller(NamedTuple):
    """Who is at the other end of a connection, as far as the connection itself tells."""

    remote: str
    """Address, or "unix"."""
    unix: bool
    proved: bool
    """Whether the kernel says that it is this machine's user."""
    port: int
    """Our port, 0 on the Unix socket."""
    address: str = ""
    """Ours, to which it connected; empty on the Unix socket."""


class Passed(NamedTuple):
    """A request whose head was found good."""

    route: Route
    parts: dict[str, str]
    query: str
    own: bool
    headers: Mapping[str, str]


def check_head(routes: Routes, caller: Caller, head: Head, proves: Callable[[str | None], bool]) -> Passed:
    """Let it pass or raise Refused; `proves` judges the Authorization header of an unproved caller."""
    target, headers = head.target, head.headers
    if not target.startswith("/") or not target.isascii():
        raise Refused(400, "bad_request", "the request line must name a path, in ASCII")
    if "content-encoding" in headers:
        raise Refused(415, "encoded", "bodies are taken as they are, without Content-Encoding")
    _check_origin(headers, caller)
    path, _, query = target.partition("?")
    route, parts = routes.find(head.method, path)
    local_name = caller.unix or _is_loopback_name(headers.get("host"), caller)
    if route.owner_only and not local_name:
        raise Refused(421, "wrong_host", f"operations are served only to {_served_as(caller)} on this machine")
    own = local_name and (caller.proved or proves(headers.get("authorization")))
    if route.owner_only and not own:
        raise Refused(401, "not_owner", "only programs of the user who runs the daemon may ask this")
    _check_body(route, headers, head.chunked)
    return Passed(route, parts, query, own, headers)


def _names(caller: Caller) -> frozenset[str]:
    """Of this machine, where it connected: a loopback address is no name, so nobody can have one lead here."""
    return LOOPBACK_NAMES | {caller.address} if caller.address.startswith("127.") else LOOPBACK_NAMES


def _served_as(caller: Caller) -> str:
    return " or ".join(sorted(_names(caller) - {"[::1]"}))


def _check_origin(headers: Mapping[str, str], caller: Caller) -> None:
    origin = headers.get("origin")
    if origin is not None and origin not in {f"http://{name}:{caller.port}" for name in _names(caller)}:
        raise Refused(403, "foreign_origin", "pages of other origins may not ask this daemon")
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Refused(403, "foreign_origin", "pages of other origins may not ask this daemon")


def _is_loopback_name(host: str | None, caller: Caller) -> bool:
    if host is None:
        return False
    match = _HOST.fullmatch(host)
    if match is None:
        raise Refused(400, "bad_request", "the Host header is not a host")
    return match[1].lower() in _names(caller)


def _check_body(route: Route, headers: Mapping[str, str], chunked: bool) -> None:
    length = headers.get("content-length", "0")
    if not route.body_limit:
        if chunked or length != "0":
            raise Refused(400, "bad_request", f"{route.method} takes no body")
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in route.content_types:
        raise Refused(415, "wrong_type", f"this path takes only {' or '.join(sorted(route.content_types))}")
    if len(length) > 12 or int(length) > route.body_limit:
        raise too_large(route)


def too_large(route: Route) -> Refused:
    """For a body over the route's limit, wherever that shows."""
    return Refused(413, "too_large", f"the body is over the limit of {route.body_limit} bytes: send less")
