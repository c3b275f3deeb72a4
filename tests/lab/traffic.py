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
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", int(sys.argv[1]))); s.settimeout(0.3)
print("listening", flush=True); got = []
end = time.time() + float(sys.argv[2])
while time.time() < end:
    try: got.append(s.recv(2048).decode())
    except TimeoutError: pass
print("got", len(got), len(set(got)), "ordered" if got == sorted(got) else "reordered", flush=True)
"""


def start_echo(lab: Lab, host: Host, port: int = 8855) -> Proc:
    proc = host.popen([sys.executable, "-c", ECHO, str(port)], name=f"echo{port}")
    host.wait_port(port)
    return proc


def talk(source: Host, target: Host, port: int = 8855, timeout: float = 1.0) -> float:
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
    proc = b.popen([sys.executable, "-c", UDP_COUNT, "9999", "2.0"], name=f"udp{next(lab.numbers)}")
    proc.wait_output("listening")
    with a.shape(proto="udp", **shape), a.open_socket(kind=socket.SOCK_DGRAM) as out:  # type: ignore[arg-type]
        for n in range(count):
            out.sendto(f"{n:05d}".encode(), (b.ip, 9999))
            if n % 50 == 49:
                time.sleep(0.01)
        found = proc.wait_output(r"got (\d+) (\d+) (\w+)", 10)
    return int(found[1]), int(found[2]), found[3]


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
