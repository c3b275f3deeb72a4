"""iTerm2 on macOS, by osascript: what its sessions show, and text put into one of them without Enter.

The program's words are the same for everything: the script goes in by standard input, so no text is ever seen in a list
of processes. Terminal.app is left out: it has no way to put text into a certain window without pressing Enter.
"""

import re

ARGV = ("osascript", "-")
LIST = b"""if application "iTerm2" is running then
tell application "iTerm2"
set found to ""
repeat with w in windows
repeat with t in tabs of w
repeat with s in sessions of t
set found to found & (tty of s) & linefeed & (contents of s) & linefeed & (ASCII character 30) & linefeed
end repeat
end repeat
end repeat
return found
end tell
end if
"""
"""Prints each session's terminal, what it shows, and a record separator."""
_TTY = re.compile(r"/dev/ttys\d{1,6}")
_SEPARATOR = "\x1e"


def read_sessions(text: str) -> list[tuple[str, str]]:
    """(terminal, screen) of each session."""
    found = []
    for record in text.split(_SEPARATOR)[:-1]:
        tty, _, screen = record.lstrip("\n").partition("\n")
        if _TTY.fullmatch(tty):
            found.append((tty, screen.rstrip("\n") + "\n"))
    return found


def write_text(tty: str, line: str) -> bytes:
    """The script that puts one printable line into the session on this terminal."""
    assert _TTY.fullmatch(tty) and line.isprintable()
    quoted = line.replace("\\", "\\\\").replace('"', '\\"')
    return f"""tell application "iTerm2"
repeat with w in windows
repeat with t in tabs of w
repeat with s in sessions of t
if (tty of s) is "{tty}" then tell s to write text "{quoted}" newline NO
end repeat
end repeat
end repeat
end tell
""".encode()
