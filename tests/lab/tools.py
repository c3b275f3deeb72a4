"""Which programs of the machine the lab needs, and running them."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable

TOOLS = {
    "ip": "iproute2",
    "tc": "iproute2",
    "ss": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "iptables": "iptables",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "tcpdump": "tcpdump",
    "mkfs.ext4": "e2fsprogs",
    "git": "git",
    "faketime": "faketime",
}


class LabError(RuntimeError):
    """The lab itself could not do what was asked (never: the product under test failed)."""


def missing_tools() -> dict[str, str]:
    """Programs the lab needs that are not here, each with the Debian package that has it."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return {tool: package for tool, package in TOOLS.items() if not shutil.which(tool, path=path)}


def wait_for(condition: Callable[[], object], timeout: float = 60.0, every: float = 0.02, what: str = "") -> object:
    """The condition's first true value; LabError when the time runs out."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"not within {timeout:g} s: {what or condition}")
        time.sleep(every)


def sh(*args: str | os.PathLike[str]) -> str:
    """Run a command of the lab's own; its output, or LabError with what it said."""
    done = subprocess.run(list(args), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        words = " ".join(map(str, args))
        raise LabError(f"{words}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
