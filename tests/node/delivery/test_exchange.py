"""Requests and answers fit into frames, and an answer is believed only as this peer's to this request."""

from dataclasses import replace

import pytest

from multifleet.core import packets
from multifleet.core.frame import FRAME_LIMIT, Refusal, open_frame, read_header, seal
from multifleet.core.packets import Answer, Request
from multifleet.core.receipts import is_stated_by
from multifleet.core.relay_packets import INNER_LIMIT
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.delivery.exchange import Exchange, NotAnswered
from multifleet.node.members import Member, Members
from multifleet.store.rows import LogRow
from tests.core.wire import FLEET, KEYS, MAC1, MAC2, MAC3, pair
from tests.node.fleet import pinned

ID = "00000000-0000-7000-8000-000000000001"


class Side:
    """One node's end of an exchange with another."""

    def __init__(self, me: object, other: object) -> None:
        self.members = Members(me, FLEET)  # type: ignore[arg-type]
        self.member: Member = self.members.admit(pinned(other))  # type: ignore[arg-type]
        self.exchange = Exchange(self.members.identity.node, NodeClock.start(Clocks(), 0.0), lambda peer: 7)

    def opened(self, frame: bytes) -> bytes:
        """The packet of a frame for this side."""
        return open_frame(frame, self.members.identity.node, self.members.incoming_keys, None).packet


@pytest.fixture
def mac1() -> Side:
    """Asks."""
    return Side(MAC1, MAC2)


@pytest.fixture
def mac2() -> Side:
    """Answers."""
    return Side(MAC2, MAC1)


def line(seq: int, detail: str) -> LogRow:
    """A statement of the log."""
    return LogRow(seq, ID, "answered", 5.0, "http", 1, detail)


def test_a_request_carries_packets_statements_and_how_far_the_other_was_heard(mac1: Side, mac2: Side) -> None:
    asked = mac1.exchange.request(mac1.member, [b'{"a":1}'], [line(3, "x"), line(4, "y")], 9)
    request = packets.read(mac2.opened(asked.frame), Request)
    assert (request.have, request.attempt, asked.last_seq) == (7, 9, 4)
    assert [bytes(one) for one in request.packets] == [b'{"a":1}']
    assert [said.detail for said in request.log] == ["x", "y"]


def test_every_request_has_a_nonce_of_its_own(mac1: Side) -> None:
    assert len({mac1.exchange.request(mac1.member, [], [], 1).nonce for _ in range(2_000)}) == 2_000


@pytest.mark.parametrize("character", ["", "x", "漢", "\U0001f600", "\x01", '"'])
def test_the_longest_log_beside_a_full_batch_fits_into_a_frame_that_a_relay_passes_on(
    mac1: Side, mac2: Side, character: str
) -> None:
    seqs, detail = range(10**15 - packets.LOG_LIMIT, 10**15), character * packets.DETAIL_LIMIT
    log = [LogRow(seq, ID, "a" * 20, 10.0**11, "c" * 20, 10**9, detail) for seq in seqs]
    batch = [b'"' + b"x" * (packets.BATCH_BYTES // 64 - 2) + b'"'] * 64
    asked = mac1.exchange.request(mac1.member, batch, log, 1)
    assert len(asked.frame) <= INNER_LIMIT
    assert asked.last_seq >= 1
    answer = mac2.exchange.answer(mac2.member, read_header(asked.frame), log=log)
    assert len(answer) <= INNER_LIMIT
    assert mac1.exchange.open_answer(mac1.member, asked, answer).log


def test_what_does_not_fit_is_left_for_the_next_frame_and_never_left_out(mac1: Side) -> None:
    log = [line(seq, "x" * packets.DETAIL_LIMIT) for seq in range(1, 201)]
    asked = mac1.exchange.request(mac1.member, [], log, 1)
    assert 1 < asked.last_seq < 200


def test_an_answer_is_believed_as_the_peers_to_this_request_alone(mac1: Side, mac2: Side) -> None:
    asked, other = (mac1.exchange.request(mac1.member, [], [], 1) for _ in range(2))
    answer = mac2.exchange.answer(mac2.member, read_header(asked.frame), refusal=Refusal.REPLAY)
    assert mac1.exchange.open_answer(mac1.member, asked, answer).refusal == Refusal.REPLAY
    strange = Side(MAC3, MAC1)
    impostor = strange.exchange.answer(strange.member, read_header(asked.frame))
    echo = asked.frame
    for bad, why in (
        (mac2.exchange.answer(mac2.member, read_header(other.frame)), "another request"),
        (impostor, "not mac2's"),
        (echo, "not mac2's"),
        (answer[:-1], "not mac2's"),
        (b"", "not mac2's"),
        (b"<html>", "not mac2's"),
        (b"x" * (FRAME_LIMIT + 1), "not mac2's"),
    ):
        with pytest.raises(NotAnswered, match=why):
            mac1.exchange.open_answer(mac1.member, asked, bad)


def test_a_request_is_no_answer(mac1: Side, mac2: Side) -> None:
    asked = mac1.exchange.request(mac1.member, [], [], 1)
    theirs = mac2.exchange.request(mac2.member, [], [], 1)
    with pytest.raises(NotAnswered):
        mac1.exchange.open_answer(mac1.member, asked, theirs.frame)


def test_an_answer_does_not_depend_on_the_clocks(mac1: Side) -> None:
    asked = mac1.exchange.request(mac1.member, [], [], 1)
    old = packets.write(Answer(re=asked.nonce, time=0, have=0))
    frame = seal(pair(MAC2, MAC1), "mac2", "mac1", 0, bytes(16), old)
    assert mac1.exchange.open_answer(mac1.member, asked, frame).time == 0


def test_a_request_is_stamped_in_the_peers_time_as_far_as_it_is_known(mac1: Side) -> None:
    mac1.member.offset = 600.0
    asked = mac1.exchange.request(mac1.member, [], [], 1)
    assert abs(read_header(asked.frame).sent - mac1.exchange.clock.now() - 600) < 2
    mac1.member.offset = -(10.0**12)
    assert read_header(mac1.exchange.request(mac1.member, [], [], 1).frame).sent == 0
    assert KEYS.kid == mac1.member.outgoing.kid


def test_an_answer_is_under_the_pair_of_keys_of_its_request_though_both_have_newer_ones(mac1: Side, mac2: Side) -> None:
    asked = mac1.exchange.request(mac1.member, [], [], 1)
    mac1.members.install(MAC1.rotated(b"a" * 32, 1.0, 2.0))
    mac2.members.install(MAC2.rotated(b"b" * 32, 1.0, 2.0))
    mac2.members.admit(pinned(mac1.members.identity))
    answer = mac2.exchange.answer(mac2.member, read_header(asked.frame), log=[line(1, "x")])
    assert read_header(answer).kid == pair(MAC2, MAC1).kid
    opened = mac1.exchange.open_answer(mac1.member, asked, answer)
    assert is_stated_by(pair(MAC2, MAC1).receipt, "mac2", "mac1", opened.log[0])


def test_an_answer_tells_which_card_the_peer_has(mac1: Side, mac2: Side) -> None:
    told: list[tuple[str, str]] = []
    exchange = replace(mac1.exchange, proved=lambda node, kid: told.append((node, kid)))
    asked = exchange.request(mac1.member, [], [], 1)
    answer = mac2.exchange.answer(mac2.member, read_header(asked.frame))
    exchange.open_answer(mac1.member, asked, answer)
    with pytest.raises(NotAnswered):
        exchange.open_answer(mac1.member, asked, answer[:-1] + b"?")
    assert told == [("mac2", read_header(answer).kid)]


def test_nothing_that_one_who_was_removed_answers_is_believed(mac1: Side, mac2: Side) -> None:
    asked = mac1.exchange.request(mac1.member, [], [], 1)
    answer = mac2.exchange.answer(mac2.member, read_header(asked.frame))
    mac1.members.remove("mac2")
    with pytest.raises(NotAnswered):
        mac1.exchange.open_answer(mac1.member, asked, answer)
