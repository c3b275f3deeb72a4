"""Asks the daemon over its Unix socket, one request a connection.

`_socket` instead of `socket`, whose import costs a command more time than the daemon's answer.
"""

from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket
from _socket import timeout as Timeout

from multifleet import local_http
from multifleet.cli.arguments import Value
from multifleet.cli.shape import Command, Failed, NotRunning
from multifleet.paths import home_folder, is_foreign, socket_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TIMEOUT = 15.0
"""Seconds that the daemon has to answer, unless it was asked to wait."""
COMES_IN, LOOK = 10.0, 0.05
"""Seconds for which one is waited for that holds the home and does not listen: it is on its way up, or down; and
between two looks, for nothing tells when it begins to listen."""
SOON, SHORT = 1.5, 0.5
"""Seconds after which one that says nothing to a question is asked whether it runs, and those for that answer."""


class Frozen(Failed):
    """The daemon took the request and did not answer in time."""


class Full(Frozen):
    """It did not even take the request: those of others wait before it."""


class OnItsWay(NotRunning):
    """One is on its way up, or down, and was not there in time."""


def ask(command: Command, values: dict[str, Value], timeout: float = TIMEOUT, *, waits: bool = True) -> bytes:
    """The JSON of the result; Failed carries the daemon's own words where it refuses.

    Who `waits` not is told at once of a daemon that is on its way up, or down.
    """
    request = local_http.request_for(command.method, command.path, dict(values))
    status, answer = exchange_once_up(request, timeout, SOON if command.method == "GET" else timeout, waits)
    if status >= 400:
        raise Failed(local_http.reason(status, answer))
    return answer


def exchange_once_up(
    request: bytes, timeout: float = TIMEOUT, soon: float = TIMEOUT, waits: bool = True
) -> tuple[int, bytes]:
    """The same as `exchange`; a daemon that is on its way up is waited for, within the time that it has to answer."""
    try:
        return exchange(request, timeout, soon)
    except NotRunning:
        if not _is_on_its_way():
            raise
    from time import monotonic, sleep

    until = monotonic() + min(timeout, COMES_IN)
    while waits and monotonic() + LOOK <= until:
        sleep(LOOK)
        comes = _is_on_its_way()
        has = timeout if timeout >= SOON else max(LOOK, until - monotonic())  # a hook has so long for all of it
        try:
            return exchange(request, has, soon)
        except NotRunning:
            if not comes:
                raise
    home = home_folder()
    pid = _pid(home) or "not known yet"
    words = f"the daemon of {home} (pid {pid}) is on its way up, or down, and does not listen yet"
    raise OnItsWay(f"{words}: try again, and see {home}/logs/daemon.log")


def exchange(request: bytes, timeout: float = TIMEOUT, soon: float = TIMEOUT) -> tuple[int, bytes]:
    """The status and the body of the answer; NotRunning where nobody listens.

    Who has not begun to answer `soon` has the whole `timeout` only if it says meanwhile that it runs.
    """
    home = home_folder()
    place = socket_place(home)
    if is_foreign(place, home):
        raise Failed(f"{place} lies in another user's folder: set MULTIFLEET_HOME to a shorter path; nothing was sent")
    connection = Socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(min(soon, timeout))
        connection.connect(place)
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it refused without reading all of it, and its answer says why
        return _read_answer(connection, _begun(connection, timeout, soon))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunning(_remedy(home)) from None
    except PermissionError:
        raise Failed(f"the daemon of {home} is another user's: set MULTIFLEET_HOME to a home of yours") from None
    except BlockingIOError:
        raise Full(frozen(home)) from None
    except Timeout:
        raise Frozen(frozen(home)) from None
    except OSError as error:
        raise Failed(f"the connection to the daemon of {home} broke ({error.strerror}): try again") from None
    except local_http.BadAnswer as error:
        raise Failed(f"{error}: try again, and see {home}/logs/daemon.log") from None
    finally:
        connection.close()


def frozen(home: str) -> str:
    """That the daemon does not answer, and what to do about it."""
    pid = _pid(home)
    end = "end its process" if pid is None else f"`kill -9 {pid}`"
    return (
        f"the daemon of {home} runs and does not answer: try again; if it stays so, `multifleet repair --local daemon` "
        f"ends it and starts it again, and nothing is lost (by hand: {end}, then `multifleet up`)"
    )


def is_stopped() -> bool:
    """Whether the daemon's process is stopped by a signal and cannot answer; false where the system does not tell."""
    pid = _pid(home_folder())
    if pid is None:
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read(512).rpartition(b")")[2].split()[0] in (b"T", b"t")
    except (OSError, IndexError):
        return False


def _pid(home: str) -> int | None:
    try:
        return int(_holder(home)["pid"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_on_its_way() -> bool:
    """Whether one is being started, or a daemon, and no short command, holds this home."""
    from multifleet.cli.home_lock import is_coming_up, is_held

    if is_coming_up():  # looked at first: who starts one lets go only when that one holds the home
        return True
    return _holder(home_folder()).get("port") is not None and is_held()


def _holder(home: str) -> "dict[str, Any]":
    """What the last holder of a home says of itself; nothing where it has let go in order."""
    import json

    try:
        with open(f"{home}/lock") as lock:
            found = json.load(lock)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _begun(connection: Socket, timeout: float, soon: float) -> bytes:
    """The first piece of the answer."""
    try:
        return connection.recv(65536)
    except Timeout:
        if soon >= timeout or exchange(local_http.request("GET", "/health"), SHORT)[0] != 200:
            raise
        connection.settimeout(timeout - soon)
        return connection.recv(65536)


def _remedy(home: str) -> str:
    from os.path import lexists

    if not lexists(f"{home}/keys/identity.json"):
        return f"{home} is no node yet: make it one with `multifleet init`, then start it with `multifleet up`"
    return f"no daemon runs for {home}: start it with `multifleet up`"


def _read_answer(connection: Socket, piece: bytes) -> tuple[int, bytes]:
    answer = bytearray()
    while True:
        if not piece:
            raise local_http.BadAnswer("the daemon closed before its answer was whole")
        answer += piece
        if (head := local_http.head_of(answer)) is not None and len(answer) >= head[1] + head[2]:
            break
        piece = connection.recv(65536)
    status, begin, length = head
    return status, bytes(answer[begin : begin + length])
