"""A4, A6, A9, A11 over real wires: bodies without end, bombs, pages of other origins, half requests."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.footprint import Footprint
from tests.lab.host import Host
from tests.lab.tools import wait_for
from tests.starved import Starving

pytestmark = pytest.mark.lab

MEMBERS = ("mac1", "mac2")


@pytest.fixture(scope="module")
def shared_fleet() -> Iterator[Fleet]:
    with Fleet([*MEMBERS, "evil"]) as fleet:
        evil = fleet.nodes.pop()
        assert evil.name == "evil"
        yield fleet.found()


@pytest.fixture
def evil(fleet: Fleet) -> Host:
    """A machine on the same network that is no member."""
    return fleet.lab["evil"]


def raw(source: Host, target: FleetNode, request: bytes, address: str = "") -> tuple[int, bytes]:
    """Send bytes, and read until the other end closes: status and the whole answer."""
    with source.connect(address or target.host.ip, PORT) as link:
        try:
            link.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already, and takes no more
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return (int(answer.split(b" ", 2)[1]) if answer else 0), answer


def served(fleet: Fleet) -> None:
    """An honest peer's message passes meanwhile."""
    message = fleet["mac1"].send("mac2", "from an honest peer")
    fleet["mac1"].wait_state(message, "stored", 20)


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("path", ["/frames", "/join"])
def test_a4_a_body_over_the_limit_is_refused_after_little_of_it(
    fleet: Fleet, evil: Host, framing: str, path: str
) -> None:
    kind = "application/octet-stream" if path == "/frames" else "application/json"
    size = 200 << 20
    length = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    head = f"POST {path} HTTP/1.1\r\nHost: mac2\r\nContent-Type: {kind}\r\n{length}\r\n\r\n".encode()
    piece = b"x" * 65536 if framing == "length" else b"10000\r\n" + b"x" * 65536 + b"\r\n"
    starving, start, sent = Starving(fleet["mac2"].daemon.pid), time.monotonic(), 0
    with evil.connect(fleet["mac2"].host.ip, PORT, 5) as link:
        link.sendall(head)
        try:
            while sent < size:
                link.sendall(piece)  # whole: after a part of one the next would begin amid a chunk
                sent += len(piece)
        except OSError:
            pass  # it closed, as it should
        try:
            answer = link.recv(4096)
        except OSError:
            answer = b""  # the reset overtook it
    assert sent < 16 << 20, sent
    assert answer[9:12] in (b"413", b""), answer
    assert time.monotonic() - start - starving.seconds < 5
    served(fleet)


def test_a4_a_local_body_over_the_limit_is_413(fleet: Fleet) -> None:
    mac1 = fleet["mac1"]
    for size in (300_000, 2 << 20):
        body = json.dumps({"to": "mac2", "body": "x" * size})
        status, _ = raw(mac1.host, mac1, page_request("POST", JSON, body=body), "127.0.0.1")
        assert status == 413
        said = mac1.cli("send", "mac2", "-", input="x" * size, check=False)
        assert said.returncode == 1 and len(said.stderr.splitlines()) == 1, said


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
@pytest.mark.parametrize("path", ["/frames", "/join", "/message"])
def test_a6_an_encoded_body_is_refused_and_takes_no_memory(fleet: Fleet, evil: Host, encoding: str, path: str) -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    fleet.wait_nats()
    before = Footprint.of(fleet["mac2"])
    kind = "application/octet-stream" if path == "/frames" else "application/json"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\nConnection: close\r\n\r\n"
    )
    status, _ = raw(evil, fleet["mac2"], head.encode() + bomb)
    assert status == 415
    assert Footprint.of(fleet["mac2"]).memory - before.memory < 5 << 20


BODY = '{"to":"mac2","body":"from a page"}'


def page_request(method: str, *headers: str, host: str = "127.0.0.1:8855", body: str = BODY) -> bytes:
    lines = [f"{method} /message HTTP/1.1", f"Host: {host}", *headers, "Connection: close"]
    lines += [f"Content-Length: {len(body)}"] if method == "POST" else []
    return ("\r\n".join(lines) + "\r\n\r\n" + (body if method == "POST" else "")).encode()


JSON = "Content-Type: application/json"
PAGES = {
    "another host name": (page_request("POST", JSON, host="evil.example"), 421),
    "another host name with our port": (page_request("POST", JSON, host="evil.example:8855"), 421),
    "the address of the machine": (page_request("POST", JSON, host="10.77.0.1:8855"), 421),
    "null origin": (page_request("POST", JSON, "Origin: null"), 403),
    "foreign origin": (page_request("POST", JSON, "Origin: https://evil.example"), 403),
    "origin of another port": (page_request("POST", JSON, "Origin: http://localhost:3000"), 403),
    "cross-site": (page_request("POST", JSON, "Sec-Fetch-Site: cross-site"), 403),
    "text/plain form": (page_request("POST", "Content-Type: text/plain"), 415),
    "urlencoded form": (page_request("POST", "Content-Type: application/x-www-form-urlencoded"), 415),
    "no type": (page_request("POST"), 415),
    "preflight": (page_request("OPTIONS", "Origin: https://evil.example"), 403),
    "preflight without origin": (page_request("OPTIONS", "Access-Control-Request-Method: POST"), 405),
}


@pytest.mark.parametrize("what", PAGES)
def test_a9_a_page_of_another_origin_gets_nothing_done_and_may_read_nothing(fleet: Fleet, what: str) -> None:
    mac1 = fleet["mac1"]
    before = mac1.rows("SELECT count(*) FROM outbox")
    request, expected = PAGES[what]
    status, answer = raw(mac1.host, mac1, request, "127.0.0.1")
    assert status == expected, answer
    assert b"access-control" not in answer.lower()
    assert mac1.rows("SELECT count(*) FROM outbox") == before


def test_a9_the_same_request_from_no_page_passes(fleet: Fleet) -> None:
    status, _ = raw(fleet["mac1"].host, fleet["mac1"], page_request("POST", JSON), "127.0.0.1")
    assert status == 202


def closed_after(links: list[socket.socket], limit: float) -> list[float]:
    """Seconds until each connection was closed by the other end; those that were not are at the limit."""
    start, took = time.monotonic(), []
    for link in links:
        left = limit - (time.monotonic() - start)
        link.settimeout(max(left, 0.01))
        try:
            while link.recv(4096):
                pass
        except TimeoutError:
            took.append(limit)
            continue
        except OSError:
            pass  # a reset closes, too
        took.append(time.monotonic() - start)
    return took


@pytest.mark.slow
@pytest.mark.parametrize(
    ("half", "limit"),
    [
        (b"POST /frames HTTP/1.1\r\nHost: mac2\r\n", 10.0),
        (
            b"POST /frames HTTP/1.1\r\nHost: mac2\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: 1000\r\n\r\nhalf",
            30.0,
        ),
        (b"", 10.0),
    ],
    ids=["heads", "bodies", "nothing"],
)
def test_a11_five_hundred_half_requests_are_closed_in_time(fleet: Fleet, evil: Host, half: bytes, limit: float) -> None:
    fleet.wait_nats()
    before = Footprint.of(fleet["mac2"])
    links = []
    try:
        for _ in range(500):
            link = evil.connect(fleet["mac2"].host.ip, PORT, 5)
            links.append(link)
            try:
                link.sendall(half)
            except OSError:
                continue  # refused already: over the bound for one address
        served(fleet)
        starving = Starving(fleet["mac2"].daemon.pid)
        took = closed_after(links, limit + 30)
    finally:
        for link in links:
            link.close()
    assert max(took) - starving.seconds < limit + 0.5, sorted(took)[-5:]
    wait_for(lambda: before.holds(Footprint.of(fleet["mac2"])), 60, what="what it held, given back")


def test_a_flood_of_requests_from_one_address_leaves_the_others_served(fleet: Fleet, evil: Host) -> None:
    stop = threading.Event()
    kind = b"Content-Type: application/octet-stream\r\nContent-Length: 4"
    junk = b"POST /frames HTTP/1.1\r\nHost: mac2\r\n%s\r\n\r\njunk" % kind

    def flood() -> None:
        while not stop.is_set():
            try:
                with evil.connect(fleet["mac2"].host.ip, PORT, 2) as link:
                    link.sendall(junk)
                    link.recv(500)
            except OSError:
                continue  # turned away

    floods = [threading.Thread(target=flood, daemon=True) for _ in range(8)]
    for thread in floods:
        thread.start()
    try:
        for _ in range(5):
            served(fleet)
    finally:
        stop.set()
        for thread in floods:
            thread.join(10)
    assert fleet["mac2"].log().count("frame_refused_malformed") < 500, "a flood fills no disk"
