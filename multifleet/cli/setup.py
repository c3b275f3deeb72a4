"""`init`, `invite`, `join`, `revoke`, `settle` and `leave`: with the daemon where one runs, else on the home itself."""

from collections.abc import Callable
from typing import Any, Literal

from multifleet.cli.arguments import Value
from multifleet.cli.ask import show
from multifleet.cli.daemon import ask
from multifleet.cli.shape import Command, Failed, NotRunning


def run(name: str, command: Command, values: dict[str, Value], as_json: bool) -> int:
    """Exit status 0; Failed carries the reason."""
    if name == "init":
        answer = _offline(name, values)
    else:
        try:
            answer = ask(command, values, timeout=30.0)
        except NotRunning:
            answer = _offline(name, values)
    show(name, answer, as_json)
    return 0


def _offline(name: str, values: dict[str, Value]) -> bytes:
    import msgspec

    from multifleet.errors import MultifleetError
    from multifleet.node import offline
    from multifleet.paths import home_path

    node, code, at = values.get("node"), values.get("code"), values.get("at", [])
    assert isinstance(at, list)
    acts: dict[str, Callable[[], Any]] = {
        "init": lambda: offline.offline_init(home_path(), None if node is None else str(node)),
        "invite": lambda: offline.offline_invite(home_path(), at, _role(values)),
        "join": lambda: offline.offline_join(home_path(), str(code), at),
        "revoke": lambda: offline.offline_revoke(
            home_path(),
            str(node),
            str(values.get("reason", "")),
            bool(values.get("with_admitted")),
            bool(values.get("bring_others_back")),
        ),
        "settle": lambda: offline.offline_settle(home_path(), str(node), bool(values.get("undo"))),
        "leave": lambda: offline.offline_leave(home_path()),
    }
    try:
        return msgspec.json.encode(acts[name]())
    except MultifleetError as error:
        raise Failed(*error.lines) from None


def _role(values: dict[str, Value]) -> Literal["captain", "worker"]:
    return "worker" if values.get("role") == "worker" else "captain"
