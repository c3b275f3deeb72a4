"""Small programs and calls that make traffic, for the tests of the lab itself."""

import socket
import sys
import time
from collections.abc import Callable

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.proc import Proc

ECHO = """
import socketserver, sys
class H(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class S(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
S(("0.0.0.0", int(sys.argv[1])), H).serve_forever()
"""


UDP_COUNT = """
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE: what comes while this program has no turn
s.bind(("", int(sys.argv[1])))
print("listening", flush=True); got = []
while True:
    all_sent = os.path.exists(sys.argv[2])
    try: got.append(s.recv(2048).decode())
    except TimeoutError:
        if all_sent: break
print("got", len(got), len(set(got)), "ordered" if got == sorted(got) else "reordered", flush=True)
"""


class UdpCount:
    """Counts what comes to a port of a host until `end`, and a moment longer."""

    def __init__(self, host: Host, port: int) -> None:
        self._over = f"/tmp/over-{next(host.lab.numbers)}"
        self._host = host
        self._proc = host.popen([sys.executable, "-c", UDP_COUNT, str(port), self._over], name=self._over[5:])
        self._proc.wait_output("listening")

    def end(self) -> tuple[int, int, str]:
        """All was sent: how many came, how many of them were different, and whether in order."""
        self._host.path(self._over).touch()
        found = self._proc.wait_output(r"got (\d+) (\d+) (\w+)", 30)
        return int(found[1]), int(found[2]), found[3]


def start_echo(lab: Lab, host: Host, port: int = 8855) -> Proc:
    proc = host.popen([sys.executable, "-c", ECHO, str(port)], name=f"echo{port}")
    host.wait_port(port)
    return proc


def talk(source: Host, target: Host, port: int = 8855, timeout: float = 20.0) -> float:
    """Seconds for one line there and back over TCP, or the OSError."""
    start = time.monotonic()
    with source.connect(target.ip, port, timeout) as link:
        link.sendall(b"hello\n")
        if link.recv(100) != b"hello\n":
            raise OSError("no echo")
    return time.monotonic() - start


def failure_of(action: Callable[[], object], kinds: type[BaseException] = OSError) -> str:
    """The name of the error that the action ends in."""
    try:
        action()
    except kinds as error:
        return type(error).__name__
    raise AssertionError("it went through")


def send_udp(lab: Lab, count: int, **shape: object) -> tuple[int, int, str]:
    a, b = lab.hosts[:2]
    counting = UdpCount(b, 9999)
    with a.shape(proto="udp", **shape), a.open_socket(kind=socket.SOCK_DGRAM) as out:  # type: ignore[arg-type]
        for n in range(count):
            out.sendto(f"{n:05d}".encode(), (b.ip, 9999))
            if n % 50 == 49:
                time.sleep(0.01)
        return counting.end()


def send_magic(host: Host, mac: str, address: str = "255.255.255.255") -> None:
    with host.open_socket(kind=socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        out.sendto(b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) * 16, (address, 9))


def goes_through(action: Callable[[], object]) -> bool:
    try:
        action()
    except OSError:
        return False
    return True
