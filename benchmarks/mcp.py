"""What the MCP server costs a session: from its start to its list of tools, against an SDK server that echoes; and the
size of that list."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.nodes import Daemon, environment, launcher, make_node
from benchmarks.processes import per_round_ratio
from benchmarks.table import Row, median_ms

VERSION = "2025-11-25"
CLIENT = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}
LARGEST_KB = 27


def measure(folder: Path, rounds: int) -> list[Row]:
    """With a daemon that runs, as in a session; the size is that of the answer as it goes over the pipe."""
    home = folder / "mac1"
    make_node(home, "mac1")
    words, _ = launcher()
    with Daemon(home):
        ours = [*words, "mcp"], environment(home)
        theirs = [sys.executable, "-m", "benchmarks.echo_mcp"], environment(home)
        times: dict[str, list[float]] = {"bridge": [], "echo": []}
        for number in range(rounds + 1):
            for name, (command, env) in random.sample([("bridge", ours), ("echo", theirs)], 2):
                taken, size = _to_the_list(command, env)
                if number:  # the first round only warms the caches
                    times[name].append(taken)
                if name == "bridge":
                    kilobytes = size / 1024
    bridge, echo = times["bridge"], times["echo"]
    measured = f"{median_ms(bridge)}, {median_ms(echo)}"
    return [
        Row(
            "MCP, start to tools/list, against an SDK echo server",
            measured,
            per_round_ratio(bridge, echo),
            at_most=0.35,
        ),
        Row("MCP, the list of tools, KB", f"{kilobytes:.1f} KB", kilobytes, at_most=LARGEST_KB),
    ]


def _to_the_list(command: Sequence[str], env: Mapping[str, str]) -> tuple[float, int]:
    """Milliseconds from the start to the list, and the bytes of its line."""
    asked = [
        {"id": 1, "method": "initialize", "params": CLIENT},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
    ]
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin and process.stdout
        greeting, *rest = (json.dumps({"jsonrpc": "2.0", **one}).encode() + b"\n" for one in asked)
        process.stdin.write(greeting)
        process.stdin.flush()
        process.stdout.readline()
        process.stdin.write(b"".join(rest))
        process.stdin.flush()
        line = process.stdout.readline()
        taken = time.perf_counter() - began
        if not json.loads(line)["result"]["tools"]:
            raise RuntimeError(f"{command} lists no tools")
        process.stdin.close()
    return taken * 1000, len(line)
