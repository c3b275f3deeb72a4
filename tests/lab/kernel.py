"""Processes and namespaces, as the kernel shows them; what the lab's classes are made from."""

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.lab.tools import LabError

CLONE_FS, CLONE_NEWNS, CLONE_NEWNET = 0x200, 0x20000, 0x40000000

T = TypeVar("T")
INIT = "import signal,sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); sys.stdin.read()"


def stat(pid: int) -> tuple[str, int]:
    """A process's state letter and its parent; ("X", 0) once it is gone."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return words[0], int(words[1])
    return "X", 0


def all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def children(pid: int) -> list[int]:
    """The pids whose parent is `pid`, as this process numbers them."""
    return [other for other in all_pids() if stat(other)[1] == pid]


def newer_children(pid: int) -> list[int]:
    """Those whose number is above their parent's, as it is until numbers begin anew: few are looked at."""
    return [other for other in all_pids() if other > pid and stat(other)[1] == pid]


def send_signal(pid: int, number: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """This thread (and only it) inside the network namespace of `pid`."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(fd: int) -> None:
        if libc.setns(fd, CLONE_NEWNET):
            raise LabError(f"setns: {os.strerror(ctypes.get_errno())}")

    with open("/proc/thread-self/ns/net") as here, open(f"/proc/{pid}/ns/net") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(here.fileno())


def with_files_of(pid: int, action: Callable[[], T]) -> T:
    """What `action` returns when it runs in a thread that sees the files of `pid`'s host."""

    def run() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{pid}/ns/mnt") as there:
            if libc.unshare(CLONE_FS) or libc.setns(there.fileno(), CLONE_NEWNS):
                raise LabError(f"setns: {os.strerror(ctypes.get_errno())}")
        return action()

    with ThreadPoolExecutor(1) as thread:  # a thread of its own, because it cannot come back
        return thread.submit(run).result()


def namespaces(*flags: str) -> tuple[subprocess.Popen[bytes], int]:
    """New namespaces that live as long as this process holds the pipe: (unshare, init's pid)."""
    fork = ["--fork", "--kill-child", "--mount-proc"] if "-p" in flags else []
    private = ["--propagation", "private"] if "-m" in flags else []
    code = f"print('ready', flush=True); {INIT}"
    anchor = subprocess.Popen(
        ["unshare", *flags, *fork, *private, sys.executable, "-ISc", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert anchor.stdout
    if anchor.stdout.readline() != b"ready\n":
        raise LabError("unshare failed: is this root, on Linux, with namespaces?")
    return anchor, (children(anchor.pid)[0] if fork else anchor.pid)


def end_helper(process: subprocess.Popen[bytes]) -> None:
    """Close a helper's pipe, which ends it, and reap it."""
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
