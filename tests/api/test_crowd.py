"""Who gets in, and who goes for it."""

import asyncio
from dataclasses import dataclass

from multifleet.api.crowd import Crowd


@dataclass(eq=False)
class Guest:
    silent: bool = True
    idle: bool = False
    gone: bool = False

    def send_away(self) -> None:
        self.gone = True


def fill(crowd: Crowd, guests: list[Guest], address: str | None = "10.0.0.1") -> None:
    for guest in guests:
        assert crowd.enter(guest, address)
        if not guest.silent:
            crowd.speak(guest)


def test_the_newest_from_a_crowded_address_replaces_the_longest_silent() -> None:
    crowd, guests = Crowd(100, 3), [Guest(silent=False), Guest(), Guest()]
    fill(crowd, guests)
    assert crowd.enter(Guest(), "10.0.0.1")
    assert [guest.gone for guest in guests] == [False, True, False]
    assert len(crowd) == 3


def test_without_a_silent_one_the_longest_idle_goes() -> None:
    crowd, guests = Crowd(100, 2), [Guest(silent=False), Guest(silent=False, idle=True)]
    fill(crowd, guests)
    assert crowd.enter(Guest(), "10.0.0.1")
    assert [guest.gone for guest in guests] == [False, True]


def test_who_is_being_answered_is_never_sent_away() -> None:
    crowd, guests = Crowd(100, 2), [Guest(silent=False), Guest(silent=False)]
    fill(crowd, guests)
    assert not crowd.enter(Guest(), "10.0.0.1")
    assert not any(guest.gone for guest in guests)


def test_one_crowded_address_does_not_touch_another() -> None:
    crowd, guests = Crowd(100, 2), [Guest(), Guest()]
    fill(crowd, guests)
    assert crowd.enter(Guest(), "10.0.0.2")
    assert not any(guest.gone for guest in guests)


def test_the_bound_on_all_counts_those_without_address_too() -> None:
    crowd, guests = Crowd(2, 2), [Guest(), Guest()]
    fill(crowd, guests, None)
    assert crowd.enter(Guest(), None)
    assert [guest.gone for guest in guests] == [True, False]
    assert len(crowd) == 2


def test_leaving_makes_room_and_may_be_said_twice() -> None:
    crowd, guests = Crowd(100, 2), [Guest(), Guest()]
    fill(crowd, guests)
    crowd.leave(guests[0])
    crowd.leave(guests[0])
    assert crowd.enter(Guest(), "10.0.0.1")
    assert not any(guest.gone for guest in guests)


async def test_the_end_can_be_waited_for() -> None:
    crowd, guest = Crowd(100, 2), Guest()
    fill(crowd, [guest])
    asyncio.get_running_loop().call_soon(crowd.leave, guest)
    await asyncio.wait_for(crowd.wait_empty(60), 5)
    await crowd.wait_empty(60)
