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

TIMEOUT = 15.0
"""Seconds that the daemon has to answer, unless it was asked to wait."""


class Frozen(Failed):
    """The daemon took the request and did not answer in time."""


def ask(command: Command, values: dict[str, Value], timeout: float = TIMEOUT) -> bytes:
    """The JSON of the result; Failed carries the daemon's own words where it refuses."""
    status, answer = exchange(local_http.request_for(command.method, command.path, dict(values)), timeout)
    if status >= 400:
        raise Failed(local_http.reason(status, answer))
    return answer


def exchange(request: bytes, timeout: float = TIMEOUT) -> tuple[int, bytes]:
    """The status and the body of the answer; NotRunning where nobody listens."""
    home = home_folder()
    place = socket_place(home)
    if is_foreign(place, home):
        raise Failed(f"{place} lies in another user's folder: set MULTIFLEET_HOME to a shorter path; nothing was sent")
    connection = Socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(place)
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it refused without reading all of it, and its answer says why
        return _read_answer(connection)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunning(_remedy(home)) from None
    except PermissionError:
        raise Failed(f"the daemon of {home} is another user's: set MULTIFLEET_HOME to a home of yours") from None
    except (Timeout, BlockingIOError):
        raise Frozen(
            f"the daemon of {home} did not answer in {timeout:g} s: see `multifleet doctor`, "
            "or stop it with `multifleet down` and start it again"
        ) from None
    except OSError as error:
        raise Failed(f"the connection to the daemon of {home} broke ({error.strerror}): try again") from None
    except local_http.BadAnswer as error:
        raise Failed(f"{error}: try again, and see {home}/logs/daemon.log") from None
    finally:
        connection.close()


def _remedy(home: str) -> str:
    from os.path import lexists

    if not lexists(f"{home}/keys/identity.json"):
        return f"{home} is no node yet: make it one with `multifleet init`, then start it with `multifleet up`"
    return f"no daemon runs for {home}: start it with `multifleet up`"


def _read_answer(connection: Socket) -> tuple[int, bytes]:
    answer = bytearray()
    while (head := local_http.head_of(answer)) is None or len(answer) < head[1] + head[2]:
        piece = connection.recv(65536)
        if not piece:
            raise local_http.BadAnswer("the daemon closed before its answer was whole")
        answer += piece
    status, begin, length = head
    return status, bytes(answer[begin : begin + length])
