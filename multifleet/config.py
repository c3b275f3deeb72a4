"""The configuration: config.json of the home, a project's .multifleet/config.json that adds to it, the environment.

Names are those of earlier fleets (fleetId, chief, nodes), so that their files go on working.
"""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from multifleet.errors import BadSettings, ConfigError

DEFAULT_PORT = 8855
DEFAULT_RELAY_PORT = 8844
PROJECT_ADDS = frozenset({"fleetId", "chief", "nodes"})
"""All that a project's file may add: a folder may be somebody else's clone, and must not move the daemon."""

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
_NODE_ID = "^[a-z0-9][a-z0-9-]{0,62}\\Z"
NodeId = Annotated[str, msgspec.Meta(pattern=_NODE_ID)]


ChannelWord = Literal["cloud", "nats", "http", "relay", "seed", "ssh", "wake", "git", "text"]
TypeWord = Literal["alert", "task", "reply", "context", "broadcast", "sync", "repair"]
Timeout = Annotated[float, msgspec.Meta(ge=0.1, le=600)]


class ChannelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How channels are used, by all messages or by those to one peer."""

    off: tuple[ChannelWord, ...] = ()
    """Channels that are not used."""
    routes: dict[TypeWord, tuple[ChannelWord, ...]] = {}
    """Message type: the channels that may carry it, in the order in which they are tried."""
    timeouts: dict[ChannelWord, Timeout] = {}
    """Channel: the seconds that one attempt may take."""


class NodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A machine that is configured instead of joined."""

    host: str = ""
    """Host name or address."""
    user: str = ""
    """Login name there, for SSH; where it is not given, SSH is not used."""
    ssh_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None = None
    """Port of the SSH server there. Default: what ~/.ssh/config says, else 22."""
    ssh_key: str = ""
    """Path of the private key for it. Default: the keys of the SSH agent and of ~/.ssh."""
    remote_command: tuple[str, ...] = ("multifleet",)
    """How `multifleet` is called there over SSH, word by word; a home that is not ~/.multifleet is named with `env`."""
    port: Port = DEFAULT_PORT
    """Port of its daemon."""
    role: str = ""
    """What it may decide, in a fleet with a shared key: `chief` and `captain` let others in and put them out, a
    `worker` does not. Default: `worker`. Who joined by code is what the code said."""
    chief_eligible: bool = False
    """Whether it may become the chief, in a fleet with a shared key."""
    mac_address: str = ""
    """Of its network card, for Wake-on-LAN; see docs/wake.md."""
    tailscale_ip: str = ""
    """Another address of it."""
    lan_ip: str = ""
    """The address that is tried first."""
    mdns_name: str = ""
    """Another name of it."""
    tunnel_port: Port | None = None
    """Local port of a tunnel to it. Default: any that is free."""
    channels: ChannelSettings = ChannelSettings()
    """What is different for messages to it."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every "host:port" at which it may answer, best first."""
        hosts = (self.lan_ip, self.host, self.mdns_name, self.tailscale_ip)
        return tuple(dict.fromkeys(join_address(host, self.port) for host in hosts if host))


class CloudSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Claude Code routine that makes sessions in the cloud; the text that it is given leaves the fleet."""

    routine: str = ""
    """Its address for /fire, as the routine's page shows it; the token is kept elsewhere, see docs/cloud.md."""
    lastResort: bool = False
    """Whether messages that reach nobody by any other channel may go there without being asked for."""


class Chief(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which machine is the chief."""

    nodeId: NodeId
    """Its id."""
    host: str = ""
    """Host name or address."""
    port: Port = DEFAULT_PORT
    """Port of its daemon."""


class BudgetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much agents may say to each other before a person has to say something; see docs/authority.md."""

    hops: Annotated[int, msgspec.Meta(ge=1, le=64)] = 64
    """Automatic answers in a row, each within an hour; the next one is refused, here and on its way out."""
    thread: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 200
    """Messages that the agents of one machine may send to one seat here in one thread and day."""
    day: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1_000
    """Messages that all agents together may send to one seat here in a day; those of one machine a quarter of it."""


class GitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A git repository by which messages go when nothing else leads to a peer; see docs/git.md."""

    remote: str = ""
    """https://, ssh://, user@host:path or an absolute path; the same repository for all members. Default: none."""
    every: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    """Seconds between two looks for letters while nothing is going on."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set; the comment under a field is its documentation."""

    nodeId: NodeId | None = None
    """This machine's name in the fleet. Default: $MULTIFLEET_NODE_ID, else the host name."""
    fleetId: str | None = None
    """Taken from the files of earlier fleets and not used: the fleet id is made by `init`, or from the shared key."""
    chief: Chief | None = None
    """Which member is the chief, whether it is there or not. Default: the most senior one that may be and is there."""
    nodes: dict[NodeId, NodeEntry] = {}
    """Machines that are configured instead of joined (needs $FLEET_NERVE_HMAC_KEY); members are tried there as well."""
    port: Port = DEFAULT_PORT
    """TCP and UDP port of the daemon."""
    relayPort: Port | None = None
    """Another TCP port of the daemon, for frames alone: there relays are asked first. 0: none. Default: 8844 beside the
    usual port, none beside another."""
    bind: tuple[str, ...] = ("0.0.0.0", "::")
    """Addresses on which the daemon listens; an address family that the system lacks is left out."""
    advertise: tuple[str, ...] = ()
    """Addresses ("host" or "host:port") to put into this node's card, instead of those of its interfaces. Others
    look host names up only where their own `nodes` name them."""
    heartbeatSeconds: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 1.0
    """How often this node pings one of the others; what it notices, and how soon, follows from it."""
    mdns: bool = True
    """Announce this node in the local network over multicast DNS, and hear who else does."""
    tailscale: bool = True
    """Ask the tailscale program, where there is one, for addresses of this machine and of the members."""
    keys: Literal["auto", "keyring", "file"] = "auto"
    """Where private keys are kept: keyring, file, or auto (the keyring if there is one)."""
    keyRenewalDays: Annotated[float, msgspec.Meta(ge=0, le=3650)] = 30.0
    """After how many days the key for exchange with peers is renewed by itself; 0: never."""
    claudeConfigDir: str | None = None
    """Claude Code's folder. Default: $CLAUDE_CONFIG_DIR, else ~/.claude."""
    codexHome: str | None = None
    """Codex's folder. Default: $CODEX_HOME, else ~/.codex."""
    qwenHome: str | None = None
    """Qwen Code's folder. Default: $QWEN_HOME, else ~/.qwen."""
    nativePresence: bool = True
    """List the seats of other machines in Claude Code and Qwen Code as sessions beside their own, for versions of them
    that are known to take them; see docs/native-presence.md."""
    typeToWake: bool = True
    """Wake an idle session of Gemini CLI, and one of Codex without its daemon, where it runs in tmux, by a line of
    multifleet's own that is typed into its empty prompt and sent; see docs/other-clients.md."""
    channels: ChannelSettings = ChannelSettings()
    """Channels that are not used, another order, other timeouts; an entry of `nodes` may say more for its machine."""
    sshHostKeys: tuple[str, ...] = ("/etc/ssh/ssh_host_*_key.pub",)
    """Public keys of this machine's SSH server; peers are told them, and log in only where a server has one of them."""
    git: GitSettings = GitSettings()
    """The git repository by which messages go when nothing else leads to a peer."""
    cloud: CloudSettings = CloudSettings()
    """A routine of yours for sessions in the cloud, asked for, or as the last resort."""
    natsUrl: str = ""
    """NATS servers of your own: "nats://" or "tls://" URLs divided by commas, all of one cluster; a login may stand in
    them. The same on every machine. Default: $NATS_URL, else the chief runs a server."""
    natsCredentials: str = ""
    """A .creds file for these servers."""
    natsCertificate: str = ""
    """A PEM file that says whom to trust for TLS with these servers, instead of whom this system trusts."""
    natsPort: Port = 4222
    """Where this node, when it is the chief, runs the NATS server of the fleet; if taken, another; 0: any port."""
    repairAgent: bool = False
    """Let a peer that repairs this machine over SSH have a Claude Code of this machine look at it, which may run a few
    commands of multifleet and nothing else."""
    allowedSigners: str = ""
    """File of the persons whose signed messages are shown as theirs, one key a line, as `man ssh-keygen` describes it
    under ALLOWED SIGNERS. Default: `allowed_signers` in the home."""
    signingKey: str = ""
    """Key file for `--as-me`. Default: the first of `id_ed25519_sk`, `id_ed25519`, `id_ecdsa_sk`,
    `id_ecdsa` and `id_rsa` in ~/.ssh."""
    budgets: BudgetSettings = BudgetSettings()
    """How much agents may say to each other before a person has to say something."""
    seedCopies: bool = False
    """Also write a copy of each seed file to /tmp/fleet-seed-<seat>-<random>.md, for older hooks that read it there."""


def relay_port(config: Config) -> int:
    """The port for frames alone; 0: none."""
    if config.relayPort is not None:
        return config.relayPort
    return DEFAULT_RELAY_PORT if config.port == DEFAULT_PORT else 0


def allowed_signers(config: Config, home: Path) -> Path:
    """Where it stands whose signatures count."""
    return Path(config.allowedSigners).expanduser() if config.allowedSigners else home / "allowed_signers"


def load(home: Path, project: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of a home, with what a project's folder adds; ConfigError names the file and what is wrong."""
    raw = _read(home / "config.json")
    found = {home / "config.json": raw}
    environment = _of_environment(environ)
    if project is not None:
        path = project / ".multifleet" / "config.json"
        found[path] = {key: value for key, value in _read(path).items() if key in PROJECT_ADDS}
        raw = _add(found[path], raw)
    try:
        return msgspec.convert(raw | environment, Config)
    except msgspec.ValidationError as error:
        raise BadSettings(*(_problems(found) or [f"{home / 'config.json'}: {error}"])) from None


def _problems(found: Mapping[Path, Mapping[str, Any]]) -> list[str]:
    from multifleet.config_words import problems

    return [f"{path}: {words}" for path, raw in found.items() for words in problems(raw, Config)]


def project_of(folder: Path, home: Path) -> Path | None:
    """The nearest folder upwards that has a .multifleet/config.json of its own; the home's own does not count."""
    for place in (folder, *folder.parents):
        candidate = place / ".multifleet"
        if candidate != home and (candidate / "config.json").is_file():
            return place
    return None


def default_node_id(environ: Mapping[str, str] = os.environ) -> str:
    """A node id for this machine: $MULTIFLEET_NODE_ID, else its host name in the shape of one."""
    name = environ.get("MULTIFLEET_NODE_ID") or socket.gethostname().split(".")[0]
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63] or "node"


def join_address(host: str, port: int) -> str:
    """ "host:port", with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def split_address(address: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """(host, port) of "host:port", "[v6]:port", or a host alone; ValueError where it is none of these."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?", address)
    if match:
        host, port = match[1] or match[2], int(match[3] or default_port)
        if port > 65_535:
            raise ValueError(f"{address!r}: a port is at most 65535")
        return host, port
    if address.count(":") > 1 and re.fullmatch(r"[0-9a-fA-F:.]+", address):
        return address, default_port
    raise ValueError(f"{address!r} is not HOST:PORT")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        raw = msgspec.json.decode(content)
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, not a file: move it away") from None
    except NotADirectoryError:
        raise ConfigError(f"{path.parent} is not a folder: move it away, or set another MULTIFLEET_HOME") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): mend its permissions") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadSettings(f"{path}: {_not_json(content)}") from None
    if not isinstance(raw, dict):
        raise BadSettings(f"{path}: all of it must stand in one object {{...}}")
    return {key: value for key, value in raw.items() if not key.startswith(("_", "$"))}


def _not_json(content: bytes) -> str:
    from multifleet.config_words import not_json

    try:
        return not_json(content.decode())
    except UnicodeDecodeError:
        return "it is not UTF-8 text"


def _add(more: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    merged = {**more, **base}
    if isinstance(more.get("nodes"), dict) and isinstance(base.get("nodes"), dict):
        merged["nodes"] = {**more["nodes"], **base["nodes"]}
    return merged


def _of_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    node, port = environ.get("MULTIFLEET_NODE_ID"), environ.get("FLEET_NERVE_PORT")
    if node is not None:
        if not re.match(_NODE_ID, node):
            raise ConfigError(f"$MULTIFLEET_NODE_ID is {node!r}: it must be lower-case letters, digits and '-'")
        found["nodeId"] = node
    if environ.get("NATS_URL"):
        found["natsUrl"] = environ["NATS_URL"]
    if "MULTIFLEET_FLEET_ID" in environ:
        found["fleetId"] = environ["MULTIFLEET_FLEET_ID"]
    if port is not None:
        if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65_535:
            raise ConfigError(f"$FLEET_NERVE_PORT is {port!r}: it must be a port number, 0 to 65535")
        found["port"] = int(port)
    return found
