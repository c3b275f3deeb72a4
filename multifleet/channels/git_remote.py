"""Which git remotes may be used, and what git is told before it is started: no questions, no hooks, no shell, no more
programs than it needs. The user's own git and SSH configuration stay in force where they say how to log in."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REMOTE_LIMIT = 1_000
"""Characters."""

_HOST = r"(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])"
_SSH_URL = re.compile(rf"ssh://(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?({_HOST})(?::\d{{1,5}})?/[^-].*")
_WEB_URL = re.compile(rf"https://(?P<login>[^/@]*@)?({_HOST})(?::\d{{1,5}})?/.+")
_SHORT_SSH = re.compile(rf"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?({_HOST}):(?!:|//|-).+")
_KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
)
"""Of the environment; git's own variables could send it elsewhere, and secrets of this process are none of its."""

_SSH = (
    "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=10 -oServerAliveInterval=5"
    " -oServerAliveCountMax=2 -oControlMaster=no -oControlPath=none -oPermitLocalCommand=no -oForwardAgent=no"
    " -oForwardX11=no -oClearAllForwardings=yes"
)
_NO_HOOKS = (
    f"git -c core.hooksPath={os.devnull} -c core.alternateRefsCommand=true"
    " -c core.fsmonitor=false -c receive.autogc=false -c pack.threads=1"
)
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "core.fsync": "none",  # what is fetched is lost with the folder anyway
    "core.bigFileThreshold": "1m",  # larger ones are never held in memory
    "credential.interactive": "false",
    "fetch.fsckObjects": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.uriProtocols": "",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "15",
    "maintenance.auto": "false",
    "pack.threads": "1",  # each has a stack of its own, and memory is limited
    "protocol.version": "2",  # the server tells of the refs that are asked for, not of all it has
    "push.followTags": "false",
    "push.gpgSign": "false",
    "push.negotiate": "false",
    "push.pushOption": "",
    "push.recurseSubmodules": "no",
    "transfer.bundleURI": "false",
    "transfer.unpackLimit": "1",
}


class BadRemote(ValueError):
    """The configured remote cannot be used; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote that may be given to git."""

    url: str
    shown: str
    """Its host, or its path on this machine."""
    is_local: bool = False

    def no_hooks(self, service: str) -> tuple[str, ...]:
        """The option for the far side's program, where that runs on this machine: its hooks are somebody's files."""
        return (f"--{service}={_NO_HOOKS} {service}",) if self.is_local else ()

    def why_not(self) -> str:
        """What stands against using it just now; empty where nothing does."""
        if not self.is_local:
            return ""
        try:
            found = os.stat(self.url)
        except OSError as error:
            return f"{self.url}: {error.strerror}"
        return (
            "" if found.st_uid == os.getuid() else f"{self.url} belongs to another user, whose settings git would obey"
        )


def remote_of(text: str) -> Remote:
    """The remote that a configuration names; BadRemote where it is not one for this."""
    if len(text) > REMOTE_LIMIT or not text.isprintable():
        raise BadRemote("git.remote has odd characters or is too long")
    if match := _WEB_URL.fullmatch(text):
        if match["login"]:
            raise BadRemote("git.remote must not hold a login: it would be seen in the list of processes; use SSH")
        return Remote(text, match[2])
    if match := _SSH_URL.fullmatch(text) or _SHORT_SSH.fullmatch(text):
        return Remote(text, match[1])
    path = text.removeprefix("file://")
    path = os.path.expanduser(path) if path.startswith("~/") else path
    if path.startswith("/"):
        return Remote(os.path.normpath(path), path, is_local=True)
    raise BadRemote("git.remote must be https://HOST/…, ssh://HOST/…, USER@HOST:… or an absolute path")


def settings() -> list[str]:
    """Options before git's own verb, which go before all that the user or a repository has set."""
    return [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]


def environment(folder: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All that git may know of this process: where it works, and how it reaches the network."""
    return {
        **{name: environ[name] for name in _KEPT if name in environ},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_DIR": str(folder),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_SSH_COMMAND": _SSH,
        "GIT_SSH_VARIANT": "ssh",
        "GIT_ALLOW_PROTOCOL": "file:https:ssh",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
