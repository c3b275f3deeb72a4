"""What a node tells its peers of the SSH server on its machine, signed by itself: by which keys that server is known,
and where in its file system the node's home lies.
"""

from typing import Annotated, ClassVar

import msgspec

from multifleet.core.asks import Question
from multifleet.core.packets import Wire

HOST_KEYS_LIMIT = 8
PATH_LIMIT = 1_024

HostKey = Annotated[str, msgspec.Meta(pattern="^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{1,4000}={0,2}\\Z")]
"""Kind and key as in an OpenSSH `.pub` file, without the comment."""
HomePath = Annotated[str, msgspec.Meta(pattern="^/[^\\x00-\\x1f\\x7f]*\\Z", max_length=PATH_LIMIT)]


class SshTold(Wire, frozen=True, kw_only=True):
    """The answer to one SshAsk."""

    host_keys: Annotated[list[HostKey], msgspec.Meta(max_length=HOST_KEYS_LIMIT)] = []  # noqa: RUF012  msgspec copies it
    """Public keys of the SSH server there; none where they cannot be read."""
    home: HomePath
    """The node's home."""


class SshAsk(Question, frozen=True, kw_only=True, tag="ssh_facts"):
    """ "How is the SSH server of your machine known?" """

    tells: ClassVar[type[Wire]] = SshTold


HOME_LINE = b"home "
"""Begins a line before a frame for `receive`, where a login does not find the node's home by itself."""
HOME_LINE_LIMIT = len(HOME_LINE) + 4 * PATH_LIMIT + 1
"""Bytes."""


def with_home(home: str, frame: bytes) -> bytes:
    """A frame for `receive`, with the home for which it is."""
    return home_line(home) + frame


def home_line(home: str) -> bytes:
    """The line that names a home on the standard input of `receive` and of `repair --local`."""
    return HOME_LINE + home.encode() + b"\n"


def is_plain(home: str) -> bool:
    """Whether a path that was told leads nowhere else than it says."""
    return ".." not in home.split("/")
