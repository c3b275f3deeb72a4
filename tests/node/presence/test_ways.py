"""An address becomes a member's by a round trip alone; what is only said about it is tried, within bounds."""

import msgspec
import pytest

from multifleet.core.card import sign_card
from multifleet.node.members import Member, Members
from multifleet.node.presence.ways import GUESS_REST, LIMIT, OPEN_PINGS, TRIES, Ways
from multifleet.node.roster.rows import own_row
from multifleet.store.rows import PeerRow
from tests.core.wire import FLEET, MAC1, MAC2
from tests.node.fleet import pinned

HOME, CAFE, FOREIGN = ("192.0.2.1", 8855), ("198.51.100.7", 40_000), ("203.0.113.66", 666)
LISTENS = [("0.0.0.0", 8855)]
OWN = ["192.0.2.2:8855"]


class Known:
    """What mac2 knows of the ways to mac1."""

    def __init__(self) -> None:
        self.http: str | None = None
        self.hints: list[str] = []
        self.configured: dict[str, tuple[str, ...]] = {}
        self.members = Members(MAC2, FLEET)
        self.ways = Ways(self.configured, lambda node: self.http, lambda node: self.hints)
        self.ways.start(LISTENS, OWN)

    def member(self, *addresses: str) -> Member:
        """mac1, with these addresses in its card."""
        return self.members.admit(pinned(MAC1, addresses))


@pytest.fixture
def known() -> Known:
    """Of mac2."""
    return Known()


def test_a_member_that_never_answered_is_tried_everywhere(known: Known) -> None:
    known.configured["mac1"] = ("192.0.2.3:1",)
    known.hints = ["192.0.2.4:1"]
    member = known.member("192.0.2.1:8855", "[2001:db8::1]:8855")
    everywhere = [HOME, ("2001:db8::1", 8855), ("192.0.2.3", 1), ("192.0.2.4", 1)]
    assert known.ways.usual(member) == known.ways.all(member) == everywhere


def test_what_a_member_says_of_itself_is_tried_last_and_no_name_or_address_of_this_machine(known: Known) -> None:
    member = known.member("192.0.2.1:8855")
    known.ways.told("mac1", ["198.51.100.7:40000", "evil.example:1", "127.0.0.1:22", *OWN])
    assert known.ways.for_frames(member) == ("192.0.2.1:8855", "198.51.100.7:40000")
    assert known.ways.all(member) == [HOME, CAFE]
    known.ways.forget("mac1")
    assert known.ways.for_frames(member) == ("192.0.2.1:8855",)


def test_pings_go_to_the_one_address_that_answered(known: Known) -> None:
    member = known.member("192.0.2.3:1", "192.0.2.1:8855")
    known.ways.pinged("mac1", 5, known.ways.all(member))
    assert known.ways.answered("mac1", 5, HOME)
    assert known.ways.usual(member) == [HOME]
    assert known.ways.all(member) == [HOME, ("192.0.2.3", 1)]
    assert known.ways.best("mac1") == "192.0.2.1:8855"


def test_the_address_that_http_found_serves_until_there_is_a_better_one(known: Known) -> None:
    member = known.member("192.0.2.3:1", "192.0.2.1:8855")
    known.http = "192.0.2.1:8855"
    assert known.ways.usual(member) == [HOME]


def test_where_a_packet_came_from_is_tried_and_believed_once_it_answers_from_there(known: Known) -> None:
    member = known.member("192.0.2.1:8855")
    known.ways.know("mac1", "192.0.2.1:8855")
    assert known.ways.came_from(member, CAFE, 5.0, is_fresh=True)
    assert not known.ways.came_from(member, CAFE, 5.0, is_fresh=True)  # no news any more
    assert known.ways.usual(member) == [HOME, CAFE]
    known.ways.pinged("mac1", 1, [HOME, CAFE])
    assert known.ways.best("mac1") == "192.0.2.1:8855"
    assert known.ways.answered("mac1", 1, CAFE)
    assert known.ways.best("mac1") == "198.51.100.7:40000"
    assert known.ways.usual(member) == [CAFE]


def test_an_answer_from_where_no_ping_went_moves_nothing(known: Known) -> None:
    known.ways.know("mac1", "192.0.2.1:8855")
    known.ways.pinged("mac1", 1, [HOME, CAFE])
    known.ways.pinged("mac1", 2, [HOME])
    for count in (1, 2, 3):
        assert not known.ways.answered("mac1", count, FOREIGN)
    assert known.ways.best("mac1") == "192.0.2.1:8855"


def test_a_guess_that_does_not_answer_is_given_up(known: Known) -> None:
    member = known.member("192.0.2.1:8855")
    known.ways.know("mac1", "192.0.2.1:8855")
    known.ways.came_from(member, FOREIGN, 5.0, is_fresh=True)
    assert [known.ways.usual(member) for _ in range(TRIES + 2)] == [[HOME, FOREIGN]] * TRIES + [[HOME]] * 2
    assert known.ways.all(member) == [HOME, FOREIGN]


def test_guesses_about_one_member_are_rare_wherever_its_packets_come_from(known: Known) -> None:
    member = known.member("192.0.2.1:8855")
    known.ways.know("mac1", "192.0.2.1:8855")
    sources = [(f"203.0.113.{number}", 666) for number in range(100)]
    news = [
        known.ways.came_from(member, source, 5.0 + number / 100, is_fresh=True) for number, source in enumerate(sources)
    ]
    assert sum(news) == 1
    assert known.ways.came_from(member, CAFE, 5.0 + GUESS_REST, is_fresh=True)


def test_addresses_that_are_not_one_other_host_are_never_tried(known: Known) -> None:
    odd = ("0.0.0.0:8855", "[::]:8855", "224.0.0.251:5353", "[ff02::fb]:5353", "255.255.255.255:8855", "192.0.2.1:0")
    strange = ("a-name:8855", "x y", "", "127.0.0.1:99999", "[::zz]:1", "[::ffff:127.0.0.1]:25")
    own = ("192.0.2.2:8855", "127.0.0.1:8855", "[::1]:8855")
    assert known.ways.all(known.member(*odd, *strange, *own)) == []


def test_loopback_addresses_are_tried_only_of_a_member_that_called_from_one(known: Known) -> None:
    member = known.member("127.0.0.1:25", "[::1]:25")
    assert known.ways.all(member) == []
    member.heard_from = "127.0.0.1"
    assert known.ways.all(member) == [("127.0.0.1", 25), ("::1", 25)]
    member.heard_from = None
    known.ways.came_from(member, ("127.0.0.1", 9_000), 5.0, is_fresh=True)
    assert known.ways.all(member)[0] == ("127.0.0.1", 9_000)


def test_on_a_node_that_listens_on_loopback_alone_everybody_is_near(known: Known) -> None:
    known.ways.start([("127.0.0.1", 8855)], ["127.0.0.1:8855"])
    assert known.ways.all(known.member("127.0.0.1:25", "127.0.0.1:8855")) == [("127.0.0.1", 25)]


def test_the_addresses_of_one_member_are_bounded(known: Known) -> None:
    known.hints = [f"192.0.2.{number}:1" for number in range(1, 200)]
    assert len(known.ways.all(known.member("198.51.100.1:1"))) == LIMIT


def test_what_is_remembered_of_one_member_is_bounded_and_forgotten_with_it(known: Known) -> None:
    for count in range(OPEN_PINGS * 3):
        known.ways.pinged("mac1", count, [HOME])
    assert not known.ways.answered("mac1", 0, HOME)
    assert known.ways.answered("mac1", OPEN_PINGS * 3 - 1, HOME)
    known.ways.forget("mac1")
    assert known.ways.best("mac1") is None and not known.ways._open


def test_frames_are_posted_to_no_name_and_not_to_this_machine_because_a_card_says_so(known: Known) -> None:
    odd = ("127.0.0.1:22", "localhost:22", "name.invalid:80", "[::1]:631", "0.0.0.0:1", "192.0.2.2:8855")
    member = known.members.admit(with_card("192.0.2.1:8855", *odd))
    assert known.ways.for_frames(member) == ("192.0.2.1:8855",)


def test_frames_are_posted_to_names_that_this_machine_s_user_has_configured_or_typed(known: Known) -> None:
    known.configured["mac1"] = ("name.invalid:80",)
    row = with_card("192.0.2.1:8855", "name.invalid:80", "other.invalid:80")
    member = known.members.admit(msgspec.structs.replace(row, addresses=(*row.addresses, "typed.invalid:8855")))
    assert known.ways.for_frames(member) == ("192.0.2.1:8855", "name.invalid:80", "typed.invalid:8855")


def test_frames_go_to_a_loopback_address_of_a_member_on_this_machine(known: Known) -> None:
    member = known.members.admit(with_card("127.0.0.1:9000", "localhost:9000"))
    assert known.ways.for_frames(member) == ()
    known.ways.came_from(member, ("127.0.0.1", 9000), 5.0, is_fresh=True)
    assert known.ways.for_frames(member) == ("127.0.0.1:9000",)


def test_a_node_writes_to_itself_wherever_it_listens(known: Known) -> None:
    member = known.members.admit(own_row(MAC2, ["192.0.2.2:8855"], ["127.0.0.1:8855"], 0.0))
    assert known.ways.for_frames(member) == ("127.0.0.1:8855", "192.0.2.2:8855")


def with_card(*addresses: str) -> PeerRow:
    """The row of mac1 with a card that names these."""
    card = sign_card(MAC1, list(addresses), 1, "").card
    return msgspec.structs.replace(pinned(MAC1, addresses), card=card.encode())


def test_what_is_not_known_to_be_of_this_boot_names_a_place_for_a_few_pings_and_none_for_frames(known: Known) -> None:
    member = known.member("192.0.2.1:8855")
    known.ways.know("mac1", "192.0.2.1:8855")
    assert known.ways.came_from(member, FOREIGN, 5.0, is_fresh=False)
    assert known.ways.for_frames(member) == ("192.0.2.1:8855",)
    pinged = [known.ways.usual(member), *(known.ways.all(member) for _ in range(TRIES))]
    assert [FOREIGN in addresses for addresses in pinged] == [True] * TRIES + [False]


def test_a_member_that_answered_at_a_loopback_address_is_on_this_machine(known: Known) -> None:
    member = known.member("127.0.0.1:8862")
    assert not known.ways.may_be_at("127.0.0.1:8862", member)
    known.ways.know("mac1", "127.0.0.1:8862")
    assert known.ways.may_be_at("127.0.0.1:8862", member)
