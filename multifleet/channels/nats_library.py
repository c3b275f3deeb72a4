"""The NATS client library, as much of it as is used.

Where aiohttp is installed it would be loaded with it, for WebSockets, which are not used: 9 MB in every daemon.
"""

import sys

_UNUSED = "aiohttp"
_is_hidden = _UNUSED not in sys.modules
if _is_hidden:
    sys.modules[_UNUSED] = None  # type: ignore[assignment]
try:
    from nats import errors
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.protocol.parser import AWAITING_MSG_PAYLOAD, Parser
finally:
    if _is_hidden:
        del sys.modules[_UNUSED]

__all__ = ["AWAITING_MSG_PAYLOAD", "Client", "Msg", "Parser", "errors"]
