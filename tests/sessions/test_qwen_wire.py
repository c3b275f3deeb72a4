"""The lines for Qwen Code are exactly as its maker documents them, and what comes back is believed only so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.visible import is_inert
from multifleet.sessions.claude_wire import Odd, Receipt, Reply
from multifleet.sessions.inbox_lines import read_line
from multifleet.sessions.qwen_wire import STATUSES, auth_line, message_line, status_line
from tests.core.hostile_bodies import HOSTILE

OFFER = "823c91b8-38ef-4498-9498-dbe2ea810a7f"
SESSION = "8249d82c-e56f-469d-a0e5-0c028544c543"
PATH = "/tmp/cc-socks/12da918f2669b285.sock"


def line(text: str, **more: Any) -> bytes:
    given = {"offer_id": OFFER, "session_id": SESSION, "from_path": PATH, "from_name": "mac2/web"}
    return message_line(text, **{**given, **more})  # type: ignore[arg-type]


def control(**more: Any) -> bytes:
    frame = {"msgV": 1, "msgId": SESSION, "type": "control", "action": "delivery_status", "origMsgId": OFFER}
    return json.dumps({**frame, "status": "held", "reason": "it waits", **more}).encode()


def test_a_message_is_the_documented_line() -> None:
    assert json.loads(line("HELLO", from_mode="prompting", reply_token="ab")) == {
        "msgV": 1,
        "msgId": OFFER,
        "type": "user",
        "from": PATH,
        "replyToken": "ab",
        "fromName": "mac2/web",
        "fromMode": "prompting",
        "toSessionId": SESSION,
        "priority": "next",
        "message": {"role": "user", "content": "HELLO"},
    }
    assert line("x").count(b"\n") == 1 and line("x").endswith(b"\n")
    assert json.loads(auth_line("00")) == {"msgV": 1, "type": "auth", "token": "00"}


def test_what_is_not_known_is_not_claimed() -> None:
    assert json.loads(line("HELLO", from_path=None, from_name="")).keys() == {
        *("msgV", "msgId", "type", "toSessionId", "priority", "message")
    }


@pytest.mark.parametrize(
    "more", [{"offer_id": "ALL"}, {"offer_id": ""}, {"offer_id": "a b"}, {"from_mode": "bypass"}, {"text": ""}]
)
def test_what_the_client_would_drop_is_not_written(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        line(more.pop("text", "x"), **more)


@given(st.one_of(st.sampled_from(list(HOSTILE.values())), st.text(min_size=1)).filter(bool))
def test_no_text_and_no_name_breaks_a_line(text: str) -> None:
    frame = json.loads(line(text, from_name=text))
    assert frame["message"]["content"] == text and line(text).count(b"\n") == 1
    assert is_inert(frame.get("fromName", ""))


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_receipt_tells_what_became_of_an_offer(status: str) -> None:
    detail = "queue-full" if status == "dropped" else "it waits"
    assert read_line(control(status=status, dropReason="queue-full"), "s", 4) == [
        Receipt("s", OFFER, status, detail, 4, "qwen")
    ]


def test_a_drop_tells_of_all_that_it_cost() -> None:
    others = [*(f"id-{number}" for number in range(400)), 7, "not an id", OFFER]
    told = read_line(control(status="dropped", dropReason="rate-limited", droppedMsgIds=others), "s", 4)
    assert len(told) == 257 and {one.detail for one in told if isinstance(one, Receipt)} == {"rate-limited"}
    assert len(read_line(control(status="held", droppedMsgIds=others), "s", 4)) == 1


def test_a_reply_is_what_the_frame_says() -> None:
    told = read_line(line("DONE", from_mode="prompting"), "s", 4)
    assert told == [Reply("s", OFFER, "DONE", 4, PATH, "mac2/web", None, "prompting")]
    frame = json.loads(line("DONE"))
    for mode in ("yolo", 7, None):
        (reply,) = read_line(json.dumps({**frame, "fromMode": mode}).encode(), "s", 4)
        assert isinstance(reply, Reply) and reply.from_mode is None


@pytest.mark.parametrize(
    "frame",
    [
        control(msgV=2),
        control(msgV="1"),
        control(msgV=True),
        control(status="adopted"),
        control(status=["held"]),
        control(origMsgId="../x"),
        control(origMsgId=None),
        control(action="notify_when_idle"),
        control(type="order"),
        line("x").replace(b'"role": "user"', b'"role": "system"'),
        line("x").replace(b'"content": "x"', b'"content": ""'),
        line("x").replace(b'"content": "x"', b'"content": ["x"]'),
    ],
)
def test_what_is_not_as_documented_changes_nothing(frame: bytes) -> None:
    (event,) = read_line(frame, "s", 4)
    assert isinstance(event, Odd) and is_inert(event.reason)


def test_a_token_says_nothing_that_the_kernel_does_not() -> None:
    assert read_line(auth_line("00"), "s", 4) == []


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_our_own_notice_is_read_back_as_it_was_meant(status: str) -> None:
    made = status_line(line_id=SESSION, about=OFFER, status=status, reason="no\x1b[0m", from_path=PATH)
    (event,) = read_line(made, "s", 7)
    assert isinstance(event, Receipt) and (event.offer_id, event.status) == (OFFER, status)
    assert is_inert(event.detail)
