"""Every fault of the network does what it says, and ends."""

import contextlib
import socket
import sys
import time

import pytest

from tests.lab.lab import Lab
from tests.lab.machine import DOMAIN
from tests.lab.tools import wait_for
from tests.lab.traffic import UdpCount, failure_of, goes_through, send_udp, start_echo, talk

pytestmark = pytest.mark.lab


def test_an_unplugged_host_is_silent_and_comes_back(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b):
        with b.unplug():
            failure_of(lambda: talk(a, b, timeout=1.0))
        wait_for(lambda: goes_through(lambda: talk(a, b, timeout=1.0)), 20)


def test_loss_can_be_one_way(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    there, back = UdpCount(b, 9999), UdpCount(a, 9999)
    with (
        b.drop_from(a),
        a.open_socket(kind=socket.SOCK_DGRAM) as x,
        b.open_socket(kind=socket.SOCK_DGRAM) as y,
    ):
        x.sendto(b"lost", (b.ip, 9999))
        y.sendto(b"heard", (a.ip, 9999))
        assert (there.end()[0], back.end()[0]) == (0, 1)


def test_groups_and_single_links_can_be_cut(lab: Lab) -> None:
    a, b, c = lab.hosts[:3]
    with start_echo(lab, a), start_echo(lab, b), start_echo(lab, c):
        with lab.partition([a, b], [c]):
            talk(a, b)
            failure_of(lambda: talk(a, c, timeout=0.5)), failure_of(lambda: talk(c, b, timeout=0.5))
            with a.open_socket(socket.AF_INET6) as six:
                six.settimeout(0.5)
                failure_of(lambda: six.connect((c.ip6, 8855)), TimeoutError)
        with lab.cut(a, b):
            talk(a, c), talk(c, b)
            failure_of(lambda: talk(a, b, timeout=0.5))
        talk(a, b)


def test_one_port_can_die_while_ssh_lives(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b), b.start_sshd():
        with b.block_port(8855):
            failure_of(lambda: talk(a, b, timeout=0.5))
            alive = a.run(["ssh", b.name, "hostname"]).stdout.strip()
            assert b.listens(8855), "its own loopback is blocked too"
        with b.block_port(8855, how="reset"):
            failure_of(lambda: talk(a, b), ConnectionRefusedError)
        talk(a, b)
    assert alive == b.name


def test_packets_can_be_delayed_on_one_port_alone(lab: Lab) -> None:
    a, b = lab.hosts[:2]

    def quickest(within: float) -> float:  # of some: the machine has others to serve, too
        took = [talk(a, b, timeout=20)]
        while min(took) >= within and len(took) < 40:
            took.append(talk(a, b, timeout=20))
        return min(took)

    with start_echo(lab, b):
        plain = quickest(0.09)
        with a.shape(delay=0.1):
            slow = quickest(0.4)
        with a.shape(delay=0.1, port=22):
            other = quickest(0.09)
        after = quickest(0.09)
    assert 0.19 < slow < 0.4 and max(plain, other, after) < 0.09, (plain, slow, other, after)


def test_jitter_reorders_and_loses_nothing(lab: Lab) -> None:
    got, distinct, order = send_udp(lab, 200, delay=0.05, jitter=0.04)
    assert (got, distinct, order) == (200, 200, "reordered"), (got, distinct, order)


def test_about_as_much_is_lost_as_was_asked(lab: Lab) -> None:
    got, _, _ = send_udp(lab, 1000, loss=0.3)
    assert 600 < got < 800, got


def test_packets_can_be_doubled(lab: Lab) -> None:
    got, distinct, _ = send_udp(lab, 300, delay=0.001, duplicate=0.5)
    assert distinct == 300 and 400 < got < 500, (got, distinct)


def test_the_rate_can_be_limited(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b), a.rate("1mbit"):
        start = time.monotonic()
        with a.connect(b.ip, 8855, 10) as link:
            link.sendall(b"x" * 125_000 + b"\n")
            left = 125_001
            while left:
                left -= len(link.recv(65536))
        took = time.monotonic() - start
    assert 0.6 < took < 4, took


def test_large_packets_can_vanish_while_small_ones_pass(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b), b.block_large(1000):
        talk(a, b)
        with a.connect(b.ip, 8855, 20) as link:
            link.settimeout(1)
            link.sendall(b"x" * 5000 + b"\n")
            failure_of(lambda: link.recv(100))


COUNTING = """
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print("committed", self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"ok")
http.server.ThreadingHTTPServer(("0.0.0.0", 8855), H).serve_forever()
"""


def test_a_request_can_arrive_and_its_answer_be_lost(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with b.popen([sys.executable, "-c", COUNTING], name=f"count{next(lab.numbers)}") as server:
        b.wait_port(8855)
        with a.lose_answers(b):
            failure_of(lambda: a.http("POST", b.ip, 8855, "/", "m" * 3000, timeout=1))
            server.wait_output("committed m+")
        status, _, _ = a.http("POST", b.ip, 8855, "/", "second")
    assert status == 200


def test_open_connections_can_be_destroyed(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b), a.connect(b.ip, 8855, 20) as link:
        link.sendall(b"one\n")
        assert link.recv(10) == b"one\n"
        count = b.cut_connections(8855)
        time.sleep(0.1)

        def keep_on() -> None:
            for line in (b"two\n", b"three\n"):
                link.sendall(line)
                time.sleep(0.1)

        failure_of(keep_on)
    assert count >= 1


def test_a_host_can_move_to_another_address(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b):
        old = b.ip
        with b.change_ip(f"{DOMAIN}.0.77"):
            talk(a, b)
            with contextlib.suppress(OSError):
                a.connect(old, 8855, 0.5).close()
                raise AssertionError("the old address answers")
        talk(a, b)
