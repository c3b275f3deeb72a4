"""Sockets of a host's, in the test's own process: raw bytes, half requests, slow writers."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator, Mapping

from tests.lab.kernel import network_of
from tests.lab.machine import Machine
from tests.lab.tools import wait_for


class Sockets(Machine):
    """The network side of a host, usable from outside it."""

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are the host's, and stay so."""
        with network_of(self.init):
            yield

    def open_socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket of the host's."""
        with self.network():
            return socket.socket(family, kind)

    def connect(self, address: str, port: int, timeout: float = 5.0) -> socket.socket:
        """A TCP connection made from the host: for raw bytes, half requests, slow writers."""
        link = self.open_socket()
        link.settimeout(timeout)
        try:
            link.connect((address, port))
        except BaseException:
            link.close()
            raise
        return link

    def http(
        self,
        method: str,
        address: str,
        port: int,
        target: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> tuple[int, dict[str, str], bytes]:
        """One HTTP request made from the host: status, headers (lower case), body."""
        client = http.client.HTTPConnection(address, port, timeout=timeout)
        client.sock = self.connect(address, port, timeout)
        try:
            client.request(method, target, body, dict(headers or {}))
            reply = client.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        finally:
            client.close()

    def listens(self, port: int, address: str | None = None) -> bool:
        """Whether something accepts TCP on the port, asked inside the host over its loopback."""
        try:
            self.connect(address or "127.0.0.1", port, 0.5).close()
        except OSError:
            return False
        return True

    def wait_port(self, port: int, timeout: float = 15.0, address: str | None = None) -> None:
        """Wait until the port accepts."""
        wait_for(lambda: self.listens(port, address), timeout, what=f"{self.name}:{port} listening")
