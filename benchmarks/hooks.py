"""What the hooks cost a session: against `python3 -I -S -c pass`, and with a daemon that is dead or frozen."""

import os
import shutil
import signal
from pathlib import Path

from benchmarks.nodes import ROOT, Daemon, environment, launcher, make_node
from benchmarks.processes import Program, alternate, per_round_ratio, run_once
from benchmarks.table import Row, median_ms
from multifleet.sessions.seeds import SeedBox, fragment

SESSION = "0c1f6f0e-7f0a-4c53-9a53-5a3f3f8d0001"
TEXT = "Message from mac1/api: the schema of the orders table has changed; rebase before you go on.\n" * 20
EVENT = '{"session_id":"%s","hook_event_name":"%s","cwd":"%s"}\n'


def measure(folder: Path, rounds: int) -> list[Row]:
    """The prompt hook with nothing and with text waiting, then both hooks without an answer from the daemon."""
    home, none = folder / "mac1", folder / "none"
    make_node(home, "mac1")
    none.mkdir(mode=0o700)
    event = folder / "event.json"
    event.write_text(EVENT % (SESSION, "UserPromptSubmit", folder))
    hook = ["/bin/sh", str(ROOT / "hooks" / "hand-over.sh"), "UserPromptSubmit"]
    seeds = SeedBox(home)

    def lay_ready() -> None:
        shutil.rmtree(home / "seeds" / SESSION, ignore_errors=True)
        seeds.put(SESSION, fragment(TEXT))

    programs = [
        Program("bare", [launcher()[1], "-I", "-S", "-c", "pass"]),
        Program("nothing", hook, _session(none), event),
        Program("text", hook, _session(home), event, before=lay_ready),
    ]
    times = alternate(programs, rounds)
    bare = times["bare"]
    rows = []
    for name, what, at_most, floor in (
        ("nothing", "hook, nothing waiting", 0.15, 0.3),
        ("text", "hook, text waiting", 0.5, None),
    ):
        measured = f"{median_ms(times[name])}, {median_ms(bare)}"
        ratio = per_round_ratio(times[name], bare)
        rows.append(
            Row(f"{what}, against `python3 -I -S -c pass`", measured, ratio, at_most=at_most, floor=floor)
        )
    return rows + _without_answer(home, folder, event, hook, min(rounds, 5))


def _without_answer(home: Path, folder: Path, event: Path, prompt: list[str], rounds: int) -> list[Row]:
    plugin = folder / "plugin"
    for part in ("bin", ".venv"):
        (plugin / part).mkdir(parents=True)
    (plugin / ".venv" / "made-from").touch()
    words = " ".join(launcher()[0])
    (plugin / "bin" / "multifleet").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (plugin / "bin" / "multifleet").chmod(0o700)
    start = ["/bin/sh", str(ROOT / "hooks" / "session-start.sh"), str(plugin)]
    shutil.rmtree(home / "seeds" / SESSION, ignore_errors=True)
    hooks = {"prompt": prompt, "session start": start}
    programs = [Program(name, words, _session(home), event) for name, words in hooks.items()]
    rows = [_slowest(f"{program.name} hook, daemon dead", program, rounds) for program in programs]
    with Daemon(home) as daemon:
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            rows += [_slowest(f"{program.name} hook, daemon frozen", program, rounds) for program in programs]
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
    return rows


def _slowest(name: str, program: Program, rounds: int) -> Row:
    runs = [run_once(program) for _ in range(rounds)]
    slowest = max(run.seconds for run in runs) * 1000
    statuses = {run.status for run in runs}
    measured = f"exits {statuses.pop() if len(statuses) == 1 else statuses}, at most {slowest:.0f} ms"
    return Row(name + ", ms", measured, slowest, at_most=100.0, floor=None)


def _session(home: Path) -> dict[str, str]:
    return environment(home) | {"CLAUDE_CODE_SESSION_ID": SESSION}
