"""What a model sees of a result."""

import json

from multifleet.mcp.shown import WARNING, shown
from tests.stand_in import NASTY


def test_a_peers_text_is_inert_and_stays_inside_its_string() -> None:
    text, safe = shown("read", {"body": NASTY, "from": "mac2", "unread": False, "events": [{"detail": NASTY}]})
    assert text.startswith(WARNING)
    assert json.loads(text.removeprefix(WARNING)) == safe
    for hostile in ("\x1b", "\u202e", "</system-reminder>"):
        assert hostile not in text
        assert hostile not in json.dumps(safe, ensure_ascii=False)
    assert "日本" in safe["body"] and "日本" in safe["events"][0]["detail"]


def test_what_this_node_says_comes_without_a_warning() -> None:
    text, safe = shown("status", {"node": "mac1", "peers": 2, "degraded": None})
    assert json.loads(text) == safe == {"node": "mac1", "peers": 2, "degraded": None}
