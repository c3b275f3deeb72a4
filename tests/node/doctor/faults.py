"""What can befall a home, and the one check that each turns red."""

import json
import os
import signal
from collections.abc import Callable

from tests.node.doctor.real_home import RealHome

FAIL, WARN = "fail", "warn"


def readable_by_others(home: RealHome) -> None:
    (home.home / "keys" / "identity.json").chmod(0o644)


def open_home(home: RealHome) -> None:
    home.home.chmod(0o755)


def open_store(home: RealHome) -> None:
    (home.home / "store.db").chmod(0o640)


def open_socket(home: RealHome) -> None:
    (home.home / "socket").chmod(0o666)


def planted_link(home: RealHome) -> None:
    (home.home / "drop" / "x.frame").symlink_to("/etc/passwd")


def damaged_key(home: RealHome) -> None:
    (home.home / "keys" / "identity.json").write_text("not what it was")


def lost_key(home: RealHome) -> None:
    (home.home / "keys" / "identity.json").unlink()


def another_key(home: RealHome) -> None:
    path = home.home / "keys" / "identity.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"pair": f"{'11' * 32}:{'22' * 32}"}))


def damaged_configuration(home: RealHome) -> None:
    (home.home / "config.json").write_text('{"port": ')


def unknown_setting(home: RealHome) -> None:
    home.configure(prot=8855)


def damaged_pages(home: RealHome) -> None:
    home.down()  # what the store holds is in the file itself from here on
    home.up()
    with (home.home / "store.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8192)


def lock_taken_away(home: RealHome) -> None:
    (home.home / "lock").unlink()


def socket_taken_away(home: RealHome) -> None:
    (home.home / "socket").unlink()


def frozen(home: RealHome) -> None:
    os.kill(home.pid, signal.SIGSTOP)


def dead(home: RealHome) -> None:
    home.kill()


def no_hooks(home: RealHome) -> None:
    home.settings.write_text("{}")


def some_hooks(home: RealHome) -> None:
    kept = json.loads(home.settings.read_text())
    del kept["hooks"]["Stop"]
    home.settings.write_text(json.dumps(kept))


WHILE_RUNNING: dict[Callable[[RealHome], None], str] = {
    readable_by_others: "modes",
    open_home: "modes",
    open_store: "modes",
    open_socket: "modes",
    planted_link: "modes",
    damaged_key: "keys",
    lost_key: "keys",
    another_key: "keys",
    damaged_configuration: "config",
    unknown_setting: "config",
    damaged_pages: "store",
    lock_taken_away: "daemon",
    socket_taken_away: "daemon",
    frozen: "daemon",
    dead: "daemon",
    no_hooks: "hooks",
    some_hooks: "hooks",
}
"""The fault, and the one check that it turns red."""
