"""Nodes of the product as a user has them: made, joined and run by the command line."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent
UP_WITHIN, DOWN_WITHIN = 15.0, 15.0
LOOK_EVERY = 0.001


def launcher() -> tuple[list[str], str]:
    """The command as installed and the Python behind it: bin/multifleet once it has its environment."""
    python = ROOT / ".venv" / "bin" / "python"
    if python.exists():
        return [str(ROOT / "bin" / "multifleet")], str(python)
    return [sys.executable, "-m", "multifleet"], sys.executable


def environment(home: Path) -> dict[str, str]:
    """For whatever works on one home."""
    return os.environ | {"MULTIFLEET_HOME": str(home), "PYTHONPATH": str(ROOT)}


def ask(home: Path, *words: str) -> dict[str, Any]:
    """What the command line answers with --json."""
    command = [sys.executable, "-m", "multifleet", *words, "--json"]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"multifleet {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def make_node(home: Path, node: str) -> None:
    """A home with a node in it, unless it is there; its keys stay in files, so that no keyring is asked."""
    if not (home / "config.json").exists():
        home.mkdir(mode=0o700, parents=True)
        (home / "config.json").write_text(json.dumps({"nodeId": node, "keys": "file"}))
        ask(home, "init", "--node", node)


def join(home: Path, inviter: Path, port: int) -> None:
    """Let the node of a home into the fleet of the inviter, whose daemon listens on this port."""
    at = f"127.0.0.1:{port}"
    ask(home, "join", ask(inviter, "invite", "--at", at)["code"], "--at", at)


def free_port() -> int:
    """A port of the loopback interface that nobody has just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_healthy(port: int) -> bool:
    """Whether GET /health is answered with 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Daemon:
    """A daemon in the foreground of its own process, up once entered; `started_in` is the seconds until /health."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home, self.port = home, port or free_port()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "multifleet", "up", "--foreground"]
        command += ["--port", str(self.port), "--bind", "127.0.0.1"]
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=environment(self.home), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while not is_healthy(self.port):
            if self._process.poll() is not None or time.perf_counter() - began > UP_WITHIN:
                self.__exit__()
                raise RuntimeError(f"the daemon of {self.home.name} did not come up")
            time.sleep(LOOK_EVERY)
        self.started_in = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(DOWN_WITHIN)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid
