"""The forms that ids and addresses have on the command line; read only where one is typed."""

from multifleet.cli.shape import PREFIX, WHOLE_ID

SHORTEST_PREFIX, WHOLE = 6, 36
_NODE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_HEX = frozenset("0123456789abcdef")


def fault(kind: str, word: str) -> str:
    """What is wrong with a word of this kind, and what to type instead; empty where nothing is."""
    if kind in (PREFIX, WHOLE_ID):
        sender, slash, id = word.partition("/")  # of two machines' messages with one id this says which is meant
        word = id if slash and sender and set(sender) <= _NODE else word
    if kind == PREFIX:
        return "" if SHORTEST_PREFIX <= len(word) <= WHOLE and set(word) <= _HEX | {"-"} else NO_PREFIX
    if kind == WHOLE_ID:
        return "" if _is_whole(word) else "is no whole id: it is a lower-case UUID, such as `uuidgen` prints"
    return "" if _is_place(word) else "is not HOST:PORT, such as 192.0.2.7:8855 or [2001:db8::7]:8855"


NO_PREFIX = f"is no id: give at least {SHORTEST_PREFIX} characters of one that inbox or outbox shows"


def _is_whole(word: str) -> bool:
    parts = word.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and set(word) <= _HEX | {"-"}


def _is_place(word: str) -> bool:
    host, colon, port = word.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= 65_535:
        return False
    return (host[0] == "[" and host[-1] == "]") if ":" in host else "/" not in host
