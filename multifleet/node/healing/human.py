"""L4: tells this machine's user what does not work and which commands to type: a desktop notification where there is a
desktop, and always the log and `status`. Nothing of a peer's words is in a notification.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Sequence

from multifleet.channels.base import Target
from multifleet.channels.ssh_login import logins, why_no_login
from multifleet.core.ladder import Case
from multifleet.loading import load
from multifleet.node.counters import Counters

SECONDS = 5.0
"""For the desktop to take it."""
_NOTIFICATIONS = "org.freedesktop.Notifications"
TITLE = "multifleet"


class Human:
    """One for the node."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def tell(self, target: Target, cases: Sequence[Case]) -> str:
        """Say it once; how it was told, in words."""
        channels = " and ".join(sorted(case.channel for case in cases))
        text = f"{channels} to {target.node} has not worked for a while and could not be repaired. Type:"
        words = "\n".join([text, *commands(target)])
        self._counters.failed("repair_needs_a_person", peer=target.node, channels=channels)
        try:
            await notify(words)
        except NoDesktop as error:
            return f"shown in `multifleet status` only: {error}"
        return "you were told on the desktop"


class NoDesktop(Exception):
    """Nobody can be told on a screen."""


def commands(target: Target, home: str = "") -> list[str]:
    """What to type, in order, here and there; `home` is the peer's, where a login there does not find it by itself."""
    found = [f"multifleet channels {target.node}", f"multifleet repair {target.node}"]
    found.append(f"multifleet doctor   # on {target.node}" if why_no_login(target) else over_there(target, home))
    return found


def over_there(target: Target, home: str) -> str:
    """The doctor of a peer, by the login that is configured: one shell here reads it, and one there."""
    login, command = logins(target)[0], list(target.configured.remote_command)
    if home and not any(word.startswith("MULTIFLEET_HOME=") for word in command):
        command = ["env", f"MULTIFLEET_HOME={home}", *command]
    port = ["-p", str(login.port)] if login.port else []
    key = ["-i", login.key] if login.key else []
    there = [shlex.quote(word) for word in (*command, "doctor")]
    return shlex.join(["ssh", *port, *key, f"{login.user}@{login.host}", *there])


async def notify(text: str) -> None:
    """A desktop notification; NoDesktop where there is none to take it."""
    if sys.platform == "darwin":
        await _notify_on_mac(text)
        return
    if not session_bus():
        raise NoDesktop("no desktop session of this user is open")
    await load("multifleet.node.sleep.bus")
    from jeepney import DBusAddress, new_method_call  # type: ignore[import-untyped]

    from multifleet.node.sleep.bus import Bus, BusGone, BusRefused

    desktop = DBusAddress("/org/freedesktop/Notifications", _NOTIFICATIONS, _NOTIFICATIONS)
    try:
        bus = await Bus.connect("SESSION")
    except BusGone as error:
        raise NoDesktop(str(error)) from None
    try:
        hints = {"urgency": ("y", 1)}
        actions: list[str] = []
        body = (TITLE, 0, "network-error", TITLE, text, actions, hints, -1)
        async with asyncio.timeout(SECONDS):
            await bus.call(new_method_call(desktop, "Notify", "susssasa{sv}i", body))
    except (BusGone, BusRefused, TimeoutError) as error:
        raise NoDesktop(str(error) or "the desktop does not answer") from None
    finally:
        bus.close()


def session_bus() -> bool:
    """Whether this user has a session bus; a daemon that was not started from a desktop finds it in its usual place."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    place = f"/run/user/{os.getuid()}/bus"
    if not os.path.exists(place):
        return False
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={place}"
    return True


def mac_words(text: str) -> list[str]:
    """The argv that shows a notification on macOS; the text is an argument, never part of the script."""
    script = ["on run argv", "display notification (item 1 of argv) with title (item 2 of argv)", "end run"]
    return ["/usr/bin/osascript", *(word for line in script for word in ("-e", line)), "--", text, TITLE]


async def _notify_on_mac(text: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *mac_words(text),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(SECONDS):
            status = await process.wait()
    except TimeoutError:
        raise NoDesktop("osascript does not end") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        raise NoDesktop(f"osascript failed ({status})")
