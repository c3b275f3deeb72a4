"""Y, N and the product as pairs of processes that take the same commands."""

import contextlib
import json
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from benchmarks import slow_disk
from benchmarks.load import Figures

ROOT = Path(__file__).parent.parent
END_WITHIN = 20.0
ANSWER_WITHIN = 90.0


class Pipeline:
    """A sender and a recipient; `module` has both roles. The sender takes commands on its standard input."""

    def __init__(self, name: str, module: str, home: Path, library: Path, flush_us: int, *words: str) -> None:
        self.name = name
        self._module, self._home, self._words = module, home, words
        home.mkdir(parents=True)
        self._log = home / "flushes"
        self._environment = slow_disk.environment(library, self._log, flush_us)
        self._port = 0

    def __enter__(self) -> Self:
        self.start_recipient()
        self._sender = self._start("sender", *self._words)
        self._socket = _line(self._sender)["socket"]
        return self

    def __exit__(self, *_: object) -> None:
        if self._sender.stdin:
            self._sender.stdin.close()
        _end(self._sender)
        self.stop_recipient()

    def ask(self, **command: Any) -> dict[str, Any]:
        """The sender's answer to one command, such as do="callers", callers=16, seconds=1.5."""
        assert self._sender.stdin
        self._sender.stdin.write(json.dumps(command) + "\n")
        self._sender.stdin.flush()
        return _line(self._sender)

    def post(self, callers: int, seconds: float) -> Figures:
        """Load from a process of its own; the rate is of messages stored, until the last one is."""
        began = time.perf_counter()
        words = [sys.executable, "-m", "benchmarks.generator", self._socket, str(callers), str(seconds)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=ANSWER_WITHIN)
        if done.returncode:
            raise RuntimeError(f"no load for {self.name}: {done.stderr.strip()}")
        figures: Figures = json.loads(done.stdout)
        drained: float = self.ask(do="drain")["seconds"]
        took = min(figures["seconds"] + drained, time.perf_counter() - began)
        return Figures(**figures | {"seconds": took, "rate": figures["count"] / took})  # type: ignore[typeddict-item]

    def start_recipient(self) -> None:
        """Start it where it was before, so that the sender finds it again."""
        self._recipient = self._start("recipient")
        self._port = _line(self._recipient)["port"]

    def stop_recipient(self) -> None:
        self._recipient.terminate()
        _end(self._recipient)

    def flushes(self) -> int:
        """Of both ends since the start; exact to 128."""
        return sum(slow_disk.flushes(self._log).values())

    def _start(self, role: str, *words: str) -> "subprocess.Popen[str]":
        place = ["--home", str(self._home), "--port", str(self._port)]
        return subprocess.Popen(
            [sys.executable, "-m", self._module, role, *place, *words],
            stdin=subprocess.PIPE if role == "sender" else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self._environment,
        )


def _line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout
    if not select.select([process.stdout], [], [], ANSWER_WITHIN)[0]:
        raise RuntimeError(f"{process.args!r} did not answer in {ANSWER_WITHIN:g} s")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with status {process.wait()} and said nothing")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _end(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_WITHIN)
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
