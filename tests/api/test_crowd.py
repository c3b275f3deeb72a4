"""Who gets in, and who goes for it."""

import asyncio
from dataclasses import dataclass

import pytest

from multifleet.api.crowd import Crowd, neighbourhood


@dataclass(eq=False)
class Guest:
    gone: bool = False

    def give_way(self) -> None:
        self.gone = True


def crowd_of(limit: int = 100, strangers: int = 100, per_address: int = 100, body_bytes: int = 100) -> Crowd:
    return Crowd(limit, strangers, per_address, body_bytes)


def fill(crowd: Crowd, count: int, address: str | None = "10.0.0.1") -> list[Guest]:
    guests = [Guest() for _ in range(count)]
    assert all(crowd.enter(guest, address) for guest in guests)
    return guests


def gone(guests: list[Guest]) -> list[int]:
    return [number for number, guest in enumerate(guests) if guest.gone]


def test_the_newest_from_a_crowded_address_replaces_who_waits_longest() -> None:
    crowd = crowd_of(per_address=3)
    guests = fill(crowd, 3)
    crowd.serve(guests[0])
    assert crowd.enter(Guest(), "10.0.0.1")
    assert (gone(guests), len(crowd)) == ([1], 3)


def test_who_was_answered_waits_anew() -> None:
    crowd = crowd_of(per_address=3)
    guests = fill(crowd, 3)
    crowd.serve(guests[0])
    crowd.wait(guests[0])
    fill(crowd, 2)
    assert gone(guests) == [1, 2]


def test_who_is_being_answered_is_never_sent_away() -> None:
    crowd = crowd_of(limit=2, per_address=2)
    guests = fill(crowd, 2)
    for guest in guests:
        crowd.serve(guest)
    for remote in ("10.0.0.1", "10.0.0.2", None):
        assert not crowd.enter(Guest(), remote)
    assert gone(guests) == []


def test_one_crowded_address_does_not_touch_another() -> None:
    crowd = crowd_of(per_address=2)
    guests = fill(crowd, 2)
    fill(crowd, 3, "10.0.0.2")
    assert gone(guests) == []


def test_strangers_have_a_share_and_take_nothing_of_the_users() -> None:
    crowd = crowd_of(limit=5, strangers=3)
    users = fill(crowd, 2, None)
    strangers = fill(crowd, 4)
    assert (gone(users), gone(strangers), len(crowd)) == ([], [0], 5)


def test_the_user_may_take_what_strangers_have() -> None:
    crowd = crowd_of(limit=4, strangers=3)
    strangers = fill(crowd, 3)
    users = fill(crowd, 4, None)
    assert (gone(users), gone(strangers), len(crowd)) == ([], [0, 1, 2], 4)
    assert not crowd.enter(Guest(), "10.0.0.2")
    fill(crowd, 1, None)
    assert gone(users) == [0]


def test_beyond_the_bound_on_bodies_the_oldest_half_sent_one_goes() -> None:
    crowd = crowd_of(body_bytes=100)
    guests = fill(crowd, 4)
    for guest, size in zip(guests, (0, 40, 40, 20), strict=True):
        crowd.weigh(guest, size)
    assert gone(guests) == []
    crowd.weigh(guests[3], 30)
    assert gone(guests) == [0, 1]
    crowd.weigh(guests[3], 60)
    assert gone(guests) == [0, 1]


def test_a_body_that_is_whole_or_gone_no_longer_counts() -> None:
    crowd = crowd_of(body_bytes=100)
    guests = fill(crowd, 3)
    crowd.weigh(guests[0], 90)
    crowd.serve(guests[0])
    crowd.weigh(guests[1], 90)
    crowd.leave(guests[1])
    crowd.weigh(guests[2], 100)
    assert gone(guests) == []


def test_a_body_read_ahead_of_an_answer_counts_but_its_caller_stays() -> None:
    crowd = crowd_of(body_bytes=100)
    guests = fill(crowd, 2)
    crowd.serve(guests[0])
    crowd.weigh(guests[0], 90)
    crowd.weigh(guests[1], 20)
    assert gone(guests) == [1]
    crowd.weigh(guests[0], 110)
    assert gone(guests) == [1]


def test_bodies_of_the_user_do_not_count() -> None:
    crowd = crowd_of(body_bytes=100)
    users, strangers = fill(crowd, 1, None), fill(crowd, 1)
    crowd.weigh(users[0], 1000)
    crowd.weigh(strangers[0], 100)
    assert gone(users + strangers) == []


def test_leaving_makes_room_and_may_be_said_twice() -> None:
    crowd = crowd_of(per_address=2)
    guests = fill(crowd, 2)
    crowd.leave(guests[0])
    crowd.leave(guests[0])
    crowd.wait(guests[0])
    fill(crowd, 1)
    assert gone(guests) == []
    fill(crowd, 1)
    assert gone(guests) == [1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
    ],
)
def test_a_64_of_ipv6_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same
    crowd = crowd_of(per_address=1)
    guests = fill(crowd, 1, one)
    fill(crowd, 1, other)
    assert guests[0].gone is same


async def test_the_end_can_be_waited_for() -> None:
    crowd = crowd_of()
    guest = fill(crowd, 1)[0]
    asyncio.get_running_loop().call_soon(crowd.leave, guest)
    await asyncio.wait_for(crowd.wait_empty(60), 20)
    await crowd.wait_empty(60)
