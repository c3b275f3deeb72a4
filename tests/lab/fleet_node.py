"""One host's daemon, spoken to as a user speaks to it: through the command line, or its local API."""

import http.client
import json
import socket
import sqlite3
import subprocess
import uuid
from contextlib import closing
from typing import Any

from tests.lab.fault import Fault
from tests.lab.host import Host
from tests.lab.kernel import with_files_of
from tests.lab.proc import Proc
from tests.lab.tools import LabError, wait_for

NODE_HOME = "/srv/data/multifleet"
PORT = 8855


class UnixHTTP(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class FleetNode:
    """A node whose home lies on the host's own disk; a host may have several, each with a name and a home."""

    def __init__(self, host: Host, name: str = "", home: str = NODE_HOME) -> None:
        self.host = host
        self.name = name or host.name
        self.home = home
        self.accepted: dict[str, str] = {}
        """Ids of messages that were answered 202, and where they go."""
        self._daemon: Proc | None = None
        self.serving: Proc | None = None
        """The daemon once it has answered for the first time."""

    def __repr__(self) -> str:
        return f"<FleetNode {self.name}>"

    @property
    def daemon(self) -> Proc:
        """The running daemon."""
        if self._daemon is None:
            raise LabError(f"{self.name}: no daemon was started")
        return self._daemon

    @property
    def running(self) -> bool:
        """Whether a daemon was started and has not ended."""
        return self._daemon is not None and self._daemon.alive

    def cli(
        self, *words: str, check: bool = True, timeout: float = 30.0, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One command of the product, as the user of this host."""
        words = ("multifleet", *words)  # with the true clock: only the daemon is given a wrong one
        home = {"MULTIFLEET_HOME": self.home}
        return self.host.run(words, check=check, timeout=timeout, input=input, env=home, fake_clock=False)

    def ask(self, *words: str, timeout: float = 30.0) -> Any:
        """What a command says with --json."""
        return json.loads(self.cli(*words, "--json", timeout=timeout).stdout)

    def up(self, *words: str, environment: dict[str, str] | None = None) -> None:
        """Start the daemon and wait until it answers."""
        self.start(*words, environment=environment)
        self.wait_up()

    def start(self, *words: str, environment: dict[str, str] | None = None) -> None:
        """Start the daemon, and wait for nothing."""
        command = ["multifleet", "up", "--foreground", *words]
        home = {"MULTIFLEET_HOME": self.home}
        name = f"daemon-{next(self.host.lab.numbers)}-{self.name}"
        self._daemon = self.host.popen(command, name=name, env=home | (environment or {}))

    def wait_up(self) -> None:
        """Until the daemon that was started answers."""
        self.daemon.wait_output(r"listens on", 60)
        assert self.get("/health")
        self.serving = self.daemon

    def kill(self) -> None:
        """SIGKILL for the daemon."""
        self.daemon.kill()

    def power_cut(self) -> None:
        """The machine loses its power, and all that was not synced."""
        self.host.power_cut()

    def request(self, method: str, path: str, body: Any = None, timeout: float = 10.0) -> tuple[int, dict[str, Any]]:
        """One call of the local API over the Unix socket: status and JSON."""
        with closing(UnixHTTP(str(self.host.path(f"{self.home}/socket")), timeout)) as link:
            data = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            link.request(method, path, data, headers)
            answer = link.getresponse()
            text = answer.read()
            kind = answer.getheader("Content-Type") or ""
            return answer.status, json.loads(text) if "json" in kind else {"text": text.decode()}

    def get(self, path: str) -> dict[str, Any]:
        """The answer to a question that must succeed."""
        status, answer = self.request("GET", path)
        assert status == 200, (path, status, answer)
        return answer

    def send(self, to: str, text: str, **fields: Any) -> str:
        """Have a message accepted (202); its id, which is written into the history."""
        chosen = fields.pop("id", None) or str(uuid.uuid4())
        request = {"to": to, "body": text, "id": chosen, **fields}
        status, answer = self.request("POST", "/message", request)
        assert status == 202, (status, answer)
        self.accepted[answer["id"]] = to
        return str(answer["id"])

    def trace(self, message: str, verify: bool = False) -> dict[str, Any]:
        """Every step of a message that was sent from here."""
        return self.get(f"/trace/{message}" + ("?verify=true" if verify else ""))

    def states(self, message: str) -> list[str]:
        """The states a message went through, as far as this node knows."""
        return [event["state"] for event in self.trace(message)["events"]]

    def wait_state(self, message: str, state: str, timeout: float = 60.0) -> None:
        """Wait until a message that was sent from here is in exactly this state, or has passed it."""
        wait_for(lambda: state in self.states(message), timeout, 0.05, f"{message} {state}")

    def told(self, message: str, state: str, timeout: float = 15.0) -> dict[str, Any]:
        """Every step of a message, in the moment in which this node knows that it has reached a state: to be timed."""
        path = f"/trace/{message}?wait={state}&timeout={timeout}"
        status, story = self.request("GET", path, timeout=timeout + 10)
        if status != 200 or not story["reached"]:
            raise LabError(f"not within {timeout:g} s: {message} {state}: {status} {story}")
        return story

    def inbox(self) -> list[dict[str, Any]]:
        """What arrived, newest first."""
        return list(self.get("/inbox?limit=1000")["messages"])

    def counters(self) -> dict[str, int]:
        """What happened since the daemon started."""
        return dict(self.get("/stats")["counters"])

    def counted(self, name: str) -> int:
        """One counter."""
        return self.counters().get(name, 0)

    def log(self) -> str:
        """All that the daemon wrote so far, under every way it was started."""
        outputs = self.host.dir.glob(f"srv/log/daemon-*-{self.name}.log")
        files = [*outputs, *self.host.path(f"{self.home}/logs").glob("*")]
        return "\n".join(path.read_text(errors="replace") for path in files)

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """The answer to an SQL question about the store, read beside the daemon: the bare facts."""

        def read() -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(f"file:{self.home}/store.db?mode=ro", uri=True, timeout=5)) as database:
                return database.execute(question, values).fetchall()

        return with_files_of(self.host.init, read)

    def open_rows(self) -> int:
        """Outbox rows that nobody has closed yet."""
        return int(self.rows("SELECT count(*) FROM outbox WHERE closed_at IS NULL")[0][0])

    def small_disk(self, size: str) -> None:
        """Put the home on a small file system of its own (before init)."""
        self.host.small_disk(self.home, size)

    def fill_disk(self) -> Fault:
        """No byte is left where the home lies."""
        return self.host.fill_disk(self.home)
