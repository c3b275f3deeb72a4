"""`service`: has the system start the daemon when its user logs in, and start it again when it ends by a fault.

On Linux a systemd user unit, on macOS a launchd agent; docs/healing.md says what to do on others. It writes one file,
and asks the system's own program to take it up.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import multifleet
from multifleet.cli.arguments import Value
from multifleet.cli.ask import as_line
from multifleet.cli.shape import Command, Failed
from multifleet.paths import home_folder

UNIT = "multifleet.service"
LABEL = "org.multifleet.daemon"
PATIENCE = 30.0
"""Seconds for the system's program."""


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0; `service status` has 1 where it is not installed."""
    act = name.partition(" ")[2]
    if act == "status":
        installed, words = status()
    elif act == "install" and values.get("print"):
        installed, words = place().exists(), text()
    elif act == "install":
        installed, words = True, install()
    else:
        installed, words = False, uninstall()
    print(as_line({"installed": installed, "path": str(place()), "detail": words}) if as_json else words.rstrip())
    return 0 if installed or act != "status" else 1


def install() -> str:
    """Write the file and start the service; what was done."""
    if not os.path.isdir(home_folder()):
        raise Failed(f"{home_folder()} is no node yet: make it one with `multifleet init`")
    path = place()
    if path.exists() and _home_line() not in path.read_text():
        raise Failed(f"{path} starts the daemon of another home: take it away first, with multifleet service uninstall")
    if not _is_mac():
        _need_systemd()
    _stop_another(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text())
    path.chmod(0o600)
    if _is_mac():
        domain = f"gui/{os.getuid()}"
        _ask("launchctl", "bootout", f"{domain}/{LABEL}")  # an older one, if there is one
        _must("launchctl", "bootstrap", domain, str(path))
        return f"{path} is written, and the daemon runs by it"
    _must("systemctl", "--user", "daemon-reload")
    _must("systemctl", "--user", "enable", UNIT)
    _must("systemctl", "--user", "restart", UNIT)
    return (
        f"{path} is written, and the daemon runs by it; it ends with your last session unless you allow it to stay: "
        "loginctl enable-linger"
    )


def _need_systemd() -> None:
    """Failed where systemd does nothing for this user: then nothing is stopped or written."""
    code, said = _ask("systemctl", "--user", "show-environment")
    if code != 0:
        last = said.strip().rpartition("\n")[2] or f"exit status {code}"
        raise Failed(
            f"systemd keeps nothing running for this user here ({last}), and nothing was changed: "
            "multifleet up --supervised keeps the daemon up without it"
        )


def _stop_another(path: Path) -> None:
    """A daemon that `up` started would stand in the way of the service's."""
    from multifleet.cli.commands import COMMANDS
    from multifleet.cli.down import stop

    if not path.exists():
        stop(COMMANDS["down"])


def uninstall() -> str:
    """Stop the service and remove the file; what was done."""
    path = place()
    if not path.exists():
        return f"{path} is not there: nothing was done"
    if _is_mac():
        _ask("launchctl", "bootout", f"gui/{os.getuid()}/{LABEL}")
    else:
        _ask("systemctl", "--user", "disable", "--now", UNIT)
    path.unlink()
    if not _is_mac():
        _ask("systemctl", "--user", "daemon-reload")
    return f"{path} is removed, and the daemon that ran by it is stopped; start one with `multifleet up`"


def status() -> tuple[bool, str]:
    """Whether it is installed, and what the system says of it."""
    path = place()
    if not path.exists():
        return False, "not installed: multifleet service install"
    if _is_mac():
        _, said = _ask("launchctl", "print", f"gui/{os.getuid()}/{LABEL}")
        state = next((line.strip() for line in said.splitlines() if "state =" in line), "state unknown")
        return True, f"installed ({path}): {state}"
    _, said = _ask("systemctl", "--user", "is-active", UNIT)
    return True, f"installed ({path}): {said.strip() or 'state unknown'}"


def bring_up() -> bool:
    """Have the system start the daemon of this home again; False where it does not keep it."""
    try:
        if _home_line() not in place().read_text():
            return False
    except (OSError, Failed):
        return False
    if _is_mac():
        return _ask("launchctl", "kickstart", f"gui/{os.getuid()}/{LABEL}")[0] == 0
    return _ask("systemctl", "--user", "restart", UNIT)[0] == 0


def place() -> Path:
    """The file."""
    if _is_mac():
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    if sys.platform != "linux":
        raise Failed("there is no service for this system: docs/healing.md says what to do instead")
    config = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(config) if config and os.path.isabs(config) else Path.home() / ".config"
    return folder / "systemd" / "user" / UNIT


def text() -> str:
    """What stands in it."""
    return plist() if _is_mac() else unit()


def unit() -> str:
    """The systemd user unit."""
    settings = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in _environment().items())
    return (
        "[Unit]\n"
        "Description=multifleet: messages between the AI coding agents of several machines\n"
        "StartLimitIntervalSec=0\n"
        "\n"
        "[Service]\n"
        f"ExecStart={' '.join(_quoted(word).replace('$', '$$') for word in _words())}\n"
        f"{settings}"
        "Restart=on-failure\n"
        "RestartSec=2\n"
        "UMask=0077\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def plist() -> str:
    """The launchd agent."""
    words = "".join(f"        <string>{escape(word)}</string>\n" for word in _words())
    settings = "".join(
        f"        <key>{escape(name)}</key>\n        <string>{escape(value)}</string>\n"
        for name, value in _environment().items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
        '<plist version="1.0">\n'
        "<dict>\n"
        f"    <key>Label</key>\n    <string>{LABEL}</string>\n"
        f"    <key>ProgramArguments</key>\n    <array>\n{words}    </array>\n"
        f"    <key>EnvironmentVariables</key>\n    <dict>\n{settings}    </dict>\n"
        "    <key>RunAtLoad</key>\n    <true/>\n"
        "    <key>KeepAlive</key>\n    <dict>\n        <key>SuccessfulExit</key>\n        <false/>\n    </dict>\n"
        "    <key>ThrottleInterval</key>\n    <integer>10</integer>\n"
        "    <key>Umask</key>\n    <integer>63</integer>\n"
        "</dict>\n"
        "</plist>\n"
    )


def _words() -> list[str]:
    return [sys.executable, "-m", "multifleet", "up", "--foreground"]


def _environment() -> dict[str, str]:
    found = {"MULTIFLEET_HOME": home_folder()}
    root = Path(multifleet.__file__).parent.parent
    if root.name not in ("site-packages", "dist-packages"):  # a folder with the source, which Python does not look in
        found["PYTHONPATH"] = str(root)
    if path := _path():
        found["PATH"] = path
    return found


def _path() -> str:
    """Where the shell that installs it finds claude, git and ssh, which the system's own short list may not have:
    whole folders alone, and none into which everybody may put a program."""
    folders = dict.fromkeys(os.environ.get("PATH", "").split(":"))
    return ":".join(folder for folder in folders if os.path.isabs(folder) and folder.isprintable() and _is_safe(folder))


def _is_safe(folder: str) -> bool:
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and not found.st_mode & stat.S_IWOTH


def _home_line() -> str:
    home = home_folder()
    return f"<string>{escape(home)}</string>" if _is_mac() else _quoted(f"MULTIFLEET_HOME={home}")


def _quoted(word: str) -> str:
    """As systemd reads it: quotes, backslashes, and signs that it would replace."""
    if "\n" in word:
        raise Failed(f"a service cannot be made of {word!r}: it has a line break in it")
    for sign, stands in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(sign, stands)
    return f'"{word}"'


def _must(*words: str) -> None:
    code, said = _ask(*words)
    if code != 0:
        last = said.strip().rpartition("\n")[2] or f"exit status {code}"
        raise Failed(f"{place()} is written, but `{' '.join(words)}` failed ({last}): start it with `multifleet up`")


def _ask(*words: str) -> tuple[int, str]:
    environment = dict(os.environ)
    runtime = f"/run/user/{os.getuid()}"
    if "XDG_RUNTIME_DIR" not in environment and os.path.isdir(runtime):
        environment["XDG_RUNTIME_DIR"] = runtime  # as in a login over SSH that runs one command
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        return 127, f"{words[0]} is not on this machine"
    except subprocess.TimeoutExpired:
        return 124, f"no answer in {PATIENCE:g} s"
    return done.returncode, done.stdout.decode(errors="replace")


def _is_mac() -> bool:
    return sys.platform == "darwin"
