"""Asks ssh-keygen whether a signature is good, and by whom. It holds no key and makes no signature.

Blocks while the program runs, a few hundredths of a second: run it in a thread.
"""

import os
import stat
import subprocess
import tempfile
from pathlib import Path

from multifleet.core.person import NAMESPACE, SshSignature

PROGRAM = "ssh-keygen"
PATIENCE = 10.0
"""Seconds for one answer of the program."""
FILE_LIMIT = 1024 * 1024
"""Bytes of a file of allowed signers."""
NAME_LIMIT = 100
"""Characters of a signer's name that are shown."""


class NotProved(Exception):
    """A signature is not taken as anybody's; the message says why, and what can be done."""


def signer_of(allowed: Path, signature: SshSignature, armored: str, words: bytes) -> str:
    """The name that the file of allowed signers has for whoever signed these words; NotProved where it has none."""
    text = _read(allowed)
    # Known keys alone start a program, so that strangers' signatures cost nothing; a certificate's key is in no line.
    if not _may_be_known(signature.key, text):
        raise NotProved(f"{allowed} does not name its key ({signature.fingerprint})")
    with tempfile.TemporaryDirectory(prefix="multifleet-") as folder:
        file = Path(folder) / "signature"
        file.write_text(armored)
        found = _run("find-principals", "-s", str(file), "-f", str(allowed), words=b"")
        for name in found.splitlines():
            if name and _is_good(allowed, name, file, words):
                return name[:NAME_LIMIT]
    raise NotProved("the signature is not good for this text, place, time and fleet")


def _may_be_known(key: str, text: str) -> bool:
    for line in text.split("\n"):
        words = line.split()
        if words and not words[0].startswith("#") and (key in words or "cert-authority" in line):
            return True
    return False


def _is_good(allowed: Path, name: str, file: Path, words: bytes) -> bool:
    try:
        _run("verify", "-f", str(allowed), "-I", name, "-n", NAMESPACE, "-s", str(file), words=words)
    except NotProved:
        return False
    return True


def _run(action: str, *arguments: str, words: bytes) -> str:
    try:
        done = subprocess.run(
            [PROGRAM, "-Y", action, *arguments], input=words, capture_output=True, timeout=PATIENCE, check=False
        )
    except FileNotFoundError:
        raise NotProved(f"{PROGRAM} is not on this machine: install OpenSSH's client") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotProved(f"{PROGRAM} could not be asked ({type(error).__name__})") from None
    if done.returncode != 0:
        raise NotProved("the signature is not good for this text, place, time and fleet")
    return done.stdout.decode(errors="replace")


def _read(allowed: Path) -> str:
    try:
        # Neither a pipe is waited for nor a terminal taken; links are followed, for users keep this file elsewhere.
        descriptor = os.open(allowed, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise NotProved(f"{allowed} is not a file: it names whose signatures count here (docs/authority.md)")
            if facts.st_uid not in (os.getuid(), 0) or stat.S_IMODE(facts.st_mode) & 0o022:
                raise NotProved(f"others could write {allowed}: chmod 600 it, and look through it")
            return file.read(FILE_LIMIT).decode(errors="replace")
    except FileNotFoundError:
        raise NotProved(f"there is no {allowed}: it names whose signatures count here (docs/authority.md)") from None
    except OSError as error:
        raise NotProved(f"{allowed} cannot be read ({error.strerror})") from None
