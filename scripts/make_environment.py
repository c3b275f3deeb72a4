"""Makes the environment that bin/multifleet and bin/test run in: a venv with exactly what a lock names.

Run by any Python from 3.11 on, with the project's root, the place for the environment and the lock. Progress
goes to stderr. Two that start at once make one, and nothing is installed that has no hash in the lock.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def main(root: Path, place: Path, lock: Path) -> int:
    """Make the environment unless it is ready; the exit status."""
    made_from = lock.read_text().split(maxsplit=3)[2] + "\n"
    if find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        say("multifleet: this Python cannot make environments: apt-get install python3-venv, and start again")
        return 1
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{place}.lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_ready(place, made_from):
            return 0
        say(f"multifleet: making {place} from {lock.name}, once; it takes about half a minute ...")
        try:
            build(place, root, lock, made_from)
        except subprocess.CalledProcessError as error:
            say(error.output.strip())
            say(f"multifleet: {place} could not be made: see above, mend it and start again")
            return 1
    return 0


def is_ready(place: Path, made_from: str) -> bool:
    """Whether the environment is whole and made from this lock."""
    stamp = place / "made-from"
    return stamp.is_file() and stamp.read_text() == made_from and (place / "bin" / "python").exists()


def build(place: Path, root: Path, lock: Path, made_from: str) -> None:
    """Make the environment beside its place and move it there in one step: nobody sees half of one."""
    aside, old = (place.with_name(f"{place.name}.{word}") for word in ("new", "old"))
    for remains in (aside, old):
        shutil.rmtree(remains, ignore_errors=True)
    # the versioned interpreter: when an upgrade takes it away the link is dead, and it is made anew
    run(os.path.realpath(sys.executable), "-I", "-m", "venv", str(aside))
    python = str(aside / "bin" / "python")
    install = [python, "-I", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-compile"]
    run(*install, "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock))
    # a package may carry files that never compile: no harm; -s and -p name the files as at their place
    compiling = [python, "-I", "-m", "compileall", "-qq", "-j", "0", "-s", str(aside), "-p", str(place)]
    subprocess.run([*compiling, str(aside / "lib")], check=False, stdout=subprocess.DEVNULL)
    library = next((aside / "lib").glob("python3*/site-packages"))
    inside = place.parent.resolve() == root.resolve()  # then the project may be moved, environment and all
    way = "/".join([".."] * 4) if inside else str(root.resolve())
    (library / "multifleet.pth").write_text(f"{way}\n")
    (aside / "made-from").write_text(made_from)
    if place.exists():
        place.rename(old)
    aside.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def run(*command: str) -> None:
    """Run a step; CalledProcessError with what it said."""
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
