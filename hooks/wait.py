"""Waits until the daemon rings, takes what lies ready for this session, and ends with status 2, which wakes it.

With the argument `now` it does not wait: it takes what lies ready, if anything does. With `mate` it does so for the
team mate that its event names, in whose own box alone it looks.

A session that may do everything without asking its user, or of which that is not known, is not woken: what lies ready
is shown with its next prompt.
It asks nobody and uses no time while it waits. It ends with status 0, silently, when its client is gone, when a newer
one of the same client takes its place, and whenever something is not as it should be: a session is never disturbed by
an error of ours. Runs under any Python 3.9 or later, without the project's packages.
"""

import fcntl
import json
import os
import re
import select
import stat
import subprocess
import sys

RING, MAKE_ROOM = b"r", b"x"
LARGEST = 256 * 1024
ENDING = '"}}\n'
AGAIN = 5_000
"""Milliseconds between two looks at the client where the system cannot tell of its end."""
UNASKED = "bypassPermissions"
MANAGED = (
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
)
"""Settings of whoever looks after the machine."""
ASKS = {"default", "acceptEdits", "auto", "dontAsk", "plan"}
"""The modes in which the client's own inbox, where it has one, lets another session's words in; docs/authority.md."""
MATE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
TEAM = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
TAIL = 1024 * 1024
"""Bytes of a transcript in which the mode of the last prompt is looked for."""


def main():
    """The exit status."""
    home = os.environ.get("MULTIFLEET_HOME") or os.path.join(os.environ.get("HOME", ""), ".multifleet")
    session = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    client = os.getppid()
    if client <= 1 or not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}", session):
        return 0
    box = os.path.join(home, "seeds", session)
    event = json.loads(sys.stdin.buffer.read(4 * LARGEST))
    if sys.argv[1:] == ["mate"]:
        box = mates_box(home, event)
        return wake(take(box) if box and event["permission_mode"] in ASKS and not asks_nobody(event, client) else None)
    if sys.argv[1:] == ["now"]:
        return wake(None if asks_nobody(event, client) else take(box))
    bell, path = hang(os.path.join(home, "waiters"), session, client)
    try:
        text = wait(bell, client, box, event)
    finally:
        remove_own(bell, path)
    return wake(text)


def mates_box(home, event):
    """Where a mate's mail lies, by the names of its team and its own; None where they are not such names."""
    if not MATE.fullmatch(event["teammate_name"]) or not TEAM.fullmatch(event["team_name"]):
        return None
    return os.path.join(home, "seeds", f"{event['team_name']}_{event['teammate_name']}")


def wake(text):
    """The exit status that has the client show what stands on standard error."""
    if not text:
        return 0
    sys.stderr.buffer.write(text.encode(errors="replace"))
    sys.stderr.flush()
    return 2


def hang(folder, session, client):
    """A pipe that the daemon can ring; older ones of this client are told to end."""
    os.makedirs(folder, 0o700, exist_ok=True)
    if not is_own(folder, stat.S_ISDIR):
        raise OSError("somebody else's folder")
    lock = os.open(os.path.join(folder, ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in os.listdir(folder):
            if name != ".lock" and (tell(os.path.join(folder, name), client) or name.endswith(f".{client}")):
                remove(os.path.join(folder, name))
        path = os.path.join(folder, f"{session}.{client}")
        os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC), path
    finally:
        os.close(lock)


def tell(path, client):
    """Whether nobody listens there any more; an older one of this client is told to end."""
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        if path.endswith(f".{client}"):
            os.write(pipe, MAKE_ROOM)
    except OSError:
        pass  # it is full: that one has not listened for long
    finally:
        os.close(pipe)
    return False


def wait(bell, client, box, event):
    """The text to wake the session with; None when there is nothing to wait for any more."""
    poll = select.poll()
    poll.register(bell, select.POLLIN)
    timeout = AGAIN
    if hasattr(os, "pidfd_open"):
        try:
            poll.register(os.pidfd_open(client), select.POLLIN)
            timeout = None
        except OSError:
            pass
    while os.getppid() == client:
        found = [descriptor for descriptor, _ in poll.poll(timeout)]
        if bell not in found:
            continue
        rung = os.read(bell, 64)
        if MAKE_ROOM in rung:
            return None
        text = None if asks_nobody(event, client) else take(box)
        if text:
            return text
    return None


def asks_nobody(event, client):
    """Whether the session may do everything without asking its user, or whether that is not known."""
    try:
        with open(event["transcript_path"], "rb") as file:
            skipped = max(0, os.fstat(file.fileno()).st_size - TAIL)
            file.seek(skipped)
            lines = file.read(TAIL).split(b"\n")
    except FileNotFoundError:
        lines, skipped = [], 0
    for line in reversed(lines):
        if b'"permissionMode"' in line:
            try:
                mode = json.loads(line).get("permissionMode")
            except (ValueError, AttributeError, RecursionError):
                continue
            if isinstance(mode, str):
                # where it was started so, one key takes it back to asking nobody, and the transcript does not say
                return mode not in ASKS or begins_unasked(event["cwd"], client)
    return skipped > 0 or begins_unasked(event["cwd"], client)


def begins_unasked(folder, client):
    """Whether it may go over to asking nobody, by how it was started and by its settings."""
    user = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.join(os.environ.get("HOME", ""), ".claude")
    started = words_of(client)
    # a command may have taken the session to another folder than that whose settings it has read
    folders = {folder, os.environ.get("CLAUDE_PROJECT_DIR") or folder}
    settings = [os.path.join(user, "settings.json"), *MANAGED]
    settings += [
        os.path.join(one, ".claude", name) for one in folders for name in ("settings.json", "settings.local.json")
    ]
    said = [started]
    for path in named_by(started):
        if path.startswith("{"):
            continue  # the settings themselves
        found = [os.path.join(one, path) for one in folders if os.path.isfile(os.path.join(one, path))]
        if not found:
            return True  # it is not known what stands there
        settings += found
    for path in settings:
        try:
            with open(path, "rb") as file:
                said.append(file.read(LARGEST))
        except OSError:
            continue
    return not said[0] or any(UNASKED.encode() in one or b"dangerously-skip-permissions" in one for one in said)


def named_by(started):
    """The files of settings that a command line names."""
    words = [os.fsdecode(word) for word in (started.split(b"\0") if b"\0" in started else started.split())]
    after = [words[n] for n in range(1, len(words)) if words[n - 1] == "--settings"]
    return after + [word[len("--settings=") :] for word in words if word.startswith("--settings=")]


def words_of(client):
    """How the client was started; empty where that is not known."""
    try:
        with open(f"/proc/{client}/cmdline", "rb") as file:
            return file.read(LARGEST)
    except OSError:
        pass
    try:
        asked = ["/bin/ps", "-o", "args=", "-p", str(client)]
        return subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=5).stdout[:LARGEST]
    except (OSError, subprocess.SubprocessError):
        return b""


def take(box):
    """What lies ready, no longer there for a hook; None when a hook was quicker."""
    ready = os.path.join(box, "next")
    if not is_own(ready, stat.S_ISREG):
        return None
    mine = os.path.join(box, f"woke.{os.getpid()}")
    try:
        os.rename(ready, mine)
        with open(mine, encoding="ascii", newline="") as file:
            content = file.read(LARGEST)
    except (OSError, UnicodeDecodeError):
        return None
    return json.loads(f'"{content[: -len(ENDING)]}"') if content.endswith(ENDING) else None


def is_own(path, kind):
    """Whether this is such a file, of this user, and no link."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return kind(found.st_mode) and found.st_uid == os.getuid()


def remove_own(bell, path):
    """Take down this pipe, if it is still the one at that place."""
    try:
        if os.path.samestat(os.fstat(bell), os.lstat(path)):
            remove(path)
    except OSError:
        pass


def remove(path):
    """Take down a pipe, if its own program has not done so meanwhile."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


if __name__ == "__main__":
    try:
        status = main()
    except (OSError, ValueError, TypeError, LookupError):
        status = 0
    os._exit(status)
