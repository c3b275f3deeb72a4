"""A Claude Code routine's server on the loopback of a host: an HTTPS server that keeps what it was asked for."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tests.channels.certificate import make_certificate
from tests.lab.host import Host

ADDRESS = "https://127.0.0.1/v1/routines/trig_1/fire"
CERTIFICATE = "/srv/routine.pem"
"""As the host names the file that says whom to trust."""
SESSION_URL = "https://claude.ai/code/session_01"
_FIRED = {
    "type": "routine_fire",
    "claude_code_session_id": "session_01",
    "claude_code_session_url": SESSION_URL,
}


def trust_routine(host: Host) -> None:
    """Make the certificate, and have the programs of this host believe it; they have a token as well."""
    make_certificate(host.path(CERTIFICATE))
    host.env |= {"SSL_CERT_FILE": CERTIFICATE, "MULTIFLEET_CLOUD_TOKEN": "sk-not-a-real-one"}


class Routine:
    """`with Routine(host) as routine`: up; `texts` are those that sessions were asked for with."""

    def __init__(self, host: Host) -> None:
        self.texts: list[str] = []
        self.answers = True
        """Else the connection ends with the request."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(host.path(CERTIFICATE))
        handler = type("Handler", (_Handler,), {"routine": self})
        with host.network():
            self._server = ThreadingHTTPServer(("127.0.0.1", 443), handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Routine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    routine: ClassVar[Routine]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.routine.texts.append(json.loads(body)["text"])
        self.close_connection = True
        if not self.routine.answers:
            return
        told = json.dumps(_FIRED).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""
