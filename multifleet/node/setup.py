"""What must be there before a node can run: its home, its identity, its fleet. All of it without a daemon."""

import os
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from multifleet.config import Config, default_node_id, load, project_of
from multifleet.core.drop import NODE_NAME
from multifleet.core.invite import fleet_of_key
from multifleet.core.keys import Identity
from multifleet.errors import BadInput, ConfigError
from multifleet.node.keys.keystore import assert_no_identity, check_node_id, create_identity, load_identity, node_of
from multifleet.node.roster.fleet_file import Fleet, read_fleet, write_fleet
from multifleet.node.roster.roles import Roles
from multifleet.private_files import write_private

SHARED_KEY = "FLEET_NERVE_HMAC_KEY"


@dataclass(frozen=True, slots=True)
class Setup:
    """A node as its home describes it."""

    home: Path
    config: Config
    identity: Identity
    fleet: Fleet
    shared_key: bytes | None
    fleet_found: bool = True
    """Whether a file says which fleet it is; else the store may know."""
    has_left: bool = False
    """Whether it has left the fleet that the shared key names, which therefore is as if there were none."""
    project: Path | None = None
    """The folder whose own config.json adds to that of the home."""
    read: Config | None = None
    """The configuration as the files and the environment had it, before the command line had its say."""


def make_home(home: Path) -> None:
    """The private folder, made where it is missing."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(home, 0o700)
        for place in ("keys", "drop", "seeds", "logs"):
            (home / place).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{home} cannot be made ({error.strerror}): set MULTIFLEET_HOME to a folder of yours"
        ) from None


def init(home: Path, node: str | None) -> tuple[Setup, bool]:
    """Make a node, or find it made; whether it was made. KeyUnavailable where a damaged one lies there."""
    config = load(home)
    wanted = node or config.nodeId or default_node_id()
    existing = node_of(home)
    if existing is not None:
        if node is not None and node != existing:
            check_node_id(node)
            old, moved = shlex.quote(str(home)), shlex.quote(f"{home}.old")
            raise BadInput(
                f"this home is already node {existing}: set another MULTIFLEET_HOME for {node}, or begin afresh with "
                f"multifleet down; mv {old} {moved}; multifleet init --node {node}; multifleet up, and join again"
            )
        return open_setup(home), False
    assert_no_identity(home)
    make_home(home)
    identity = create_identity(home, wanted, config.keys)
    shared = shared_key()
    founder = {identity.public.hex(): Roles(config, shared is not None).anchor(identity.node)}
    write_fleet(home, fleet_of_key(shared) if shared else secrets.token_hex(16), anchors=founder)
    if not (home / "config.json").exists():
        write_private(home / "config.json", b'{\n  "nodeId": "%b"\n}\n' % identity.node.encode())
    return open_setup(home), True


def _name_home(home: Path, node: str) -> None:
    """Say in a file of its own whose home this is: who comes over SFTP is not to look for it beside keys."""
    said = f"{node}\n".encode()
    with suppress(OSError):  # a full disk ends nothing: peers that have been told do not need it
        if not (home / NODE_NAME).exists() or (home / NODE_NAME).read_bytes() != said:
            write_private(home / NODE_NAME, said)


def open_setup(home: Path) -> Setup:
    """A node that was made; ConfigError and KeyUnavailable say what to do."""
    project = project_of(Path.cwd(), home)
    config = load(home, project)
    identity = load_identity(home)
    _name_home(home, identity.node)
    if config.nodeId is not None and config.nodeId != identity.node:
        raise ConfigError(
            f"this home is node {identity.node} and its configuration says nodeId {config.nodeId}: "
            "take nodeId out of config.json (and $MULTIFLEET_NODE_ID), or use another MULTIFLEET_HOME"
        )
    known = read_fleet(home)
    fleet = known or Fleet(secrets.token_hex(16))
    shared = shared_key()
    if shared is not None and fleet.left == fleet_of_key(shared):
        return Setup(home, config, identity, fleet, None, has_left=True, project=project, read=config)
    if shared is not None and fleet.fleet != fleet_of_key(shared):
        if fleet.members:
            raise ConfigError(
                f"${SHARED_KEY} names another fleet than the one this node has joined: "
                "unset it, or use another MULTIFLEET_HOME"
            )
        fleet = Fleet(fleet_of_key(shared))
    found = known is not None or shared is not None
    return Setup(home, config, identity, fleet, shared, found, project=project, read=config)


def shared_key() -> bytes | None:
    """The fleet's shared key, for unattended machines."""
    text = os.environ.get(SHARED_KEY, "")
    if not text:
        return None
    if len(text) < 16:
        raise ConfigError(
            f"${SHARED_KEY} is too short: use at least 16 characters, such as `openssl rand -hex 32` prints"
        )
    return text.encode()
