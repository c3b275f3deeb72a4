"""The NATS client library, as much of it as is used.

Loaded with it would be its JetStream client, which is not used (nats_queue.py speaks to a queue by requests), a reader
of the metadata of packages, only to know its own version, and where aiohttp is installed that, for WebSockets: two
megabytes and a half in every daemon, and nine more.
"""

import sys
from collections.abc import Sequence
from enum import StrEnum
from threading import get_ident
from types import ModuleType

_JETSTREAM = "nats.js"
_UNUSED = frozenset({"aiohttp", "importlib.metadata"})


class _Hides:
    """Does not let the thread that made it find what is not used; others may need it at this very moment."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """As the import system asks for it."""
        if name in _UNUSED and get_ident() == self._thread:
            raise ModuleNotFoundError(name)


class _Header(StrEnum):
    """The headers of JetStream that the library looks at in each message."""

    STATUS = "Status"
    DESCRIPTION = "Description"
    CONSUMER_STALLED = "Nats-Consumer-Stalled"


def _stand_in() -> ModuleType:
    made, api = ModuleType(_JETSTREAM), ModuleType(f"{_JETSTREAM}.api")
    api.Header = _Header  # type: ignore[attr-defined]
    made.api = api  # type: ignore[attr-defined]
    return made


_hides, _jetstream = _Hides(), _stand_in()
sys.meta_path.insert(0, _hides)
sys.modules[_JETSTREAM] = _jetstream
try:
    import nats
    from nats import errors
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.protocol.parser import AWAITING_MSG_PAYLOAD, Parser

    nats.js = _jetstream
finally:
    sys.meta_path.remove(_hides)
    del sys.modules[_JETSTREAM]

__all__ = ["AWAITING_MSG_PAYLOAD", "Client", "Msg", "Parser", "errors"]
