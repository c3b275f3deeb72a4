"""While a stop stands, what comes is kept and shown to nobody; machines that were away learn of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.errors import BadInput, UnknownSeat
from multifleet.node.offering import clients as clients_module
from tests.node.fleet import Machines, until
from tests.node.offering.pretended import Pretended, is_seed_of
from tests.node.offering.stage import Stage, stage_in
from tests.node.roster.joined import joined
from tests.node.served import Daemons


@pytest.fixture
async def stage(tmp_path: Path, fleet: Machines) -> AsyncIterator[Stage]:
    """mac1 and mac2, running; a client that is pretended sits at mac2."""
    async with stage_in(tmp_path, fleet) as stage, client(stage):
        yield stage


def client(stage: Stage) -> Pretended:
    return Pretended(stage.folder / "home/.claude", stage.folder / "home/project")


@pytest.fixture
def by_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No inbox is trusted, so that everything is laid ready for hooks."""
    monkeypatch.setattr(clients_module.Clients, "way_to", lambda self, session: clients_module.HOOKS)


async def stop(stage: Stage, seat: str | None = None, *, undo: bool = False) -> None:
    await stage.node.stops.decide(seat, everywhere=False, undo=undo)


async def turn(stage: Stage) -> None:
    """All that there is to do has been done, as far as it may be."""
    async with stage.node.offering._turn_lock:
        await stage.node.offering._turn()


async def state_of(stage: Stage, id: str) -> str:
    return (await stage.row(id)).state


@pytest.mark.usefixtures("by_hooks")
@pytest.mark.parametrize("seat", [None, "project"], ids=["machine", "seat"])
async def test_what_lies_ready_is_taken_back_and_shown_once_it_goes_on(stage: Stage, seat: str | None) -> None:
    first = await stage.send("one")
    await until(lambda: is_seed_of(stage.mac2.home))
    await stop(stage, seat)
    assert not is_seed_of(stage.mac2.home)
    second = await stage.send("two")
    told = await stage.mac1.wait(second, State.STORED)
    assert told.events[-1].detail == "its recipient is stopped: it is kept, and shown once that is over"
    await turn(stage)
    assert (await state_of(stage, first), await state_of(stage, second)) == ("stored", "stored")
    assert not is_seed_of(stage.mac2.home)
    await stop(stage, seat, undo=True)
    await until(lambda: is_seed_of(stage.mac2.home))


async def test_a_stop_outlives_the_daemon_and_status_tells_it(stage: Stage) -> None:
    await stop(stage)
    await stop(stage, "project")
    await stage.mac2.restart()
    here, seat = (await stage.node.status()).stopped
    assert here.startswith("this machine, since 20") and here.endswith(": multifleet stop --undo lets it go on")
    assert seat.endswith(": multifleet stop --seat project --undo lets it go on")
    assert await stage.node.offering.session_started("s", str(stage.folder / "home/project"), False) == ""


async def test_another_seat_is_shown_its_mail_meanwhile(stage: Stage) -> None:
    await stage.node.seat_bind("other", str(stage.folder), False)
    await stop(stage, "other")
    assert stage.node.stops.covers("other") and not stage.node.stops.covers("project")
    await stage.mac1.wait(await stage.send("hello"), State.OFFERED)


async def test_a_stop_in_the_last_moment_holds(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = stage.node.offering.offers.commit

    async def and_meanwhile(*args: object, **more: object) -> object:
        made = await commit(*args, **more)  # type: ignore[arg-type]
        stage.node.stops._since = {"*": 1.0}
        return made

    monkeypatch.setattr(stage.node.offering.offers, "commit", and_meanwhile)
    id = await stage.send("hello")
    await until(lambda: stage.node.stops.covers(None))
    await turn(stage)
    assert await state_of(stage, id) == "stored"
    assert not stage.node.offering.offers


async def test_what_cannot_be_stopped_is_told(stage: Stage) -> None:
    with pytest.raises(UnknownSeat, match="multifleet seats"):
        await stop(stage, "nobody")
    with pytest.raises(BadInput, match="either a seat"):
        await stage.node.stops.decide("project", everywhere=True, undo=False)


async def test_the_whole_fleet_stops_also_a_machine_that_was_away(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac2.down()
    await mac1.node.stops.decide(None, everywhere=True, undo=False)
    assert mac1.node.stops.covers("any")
    await mac2.up()
    await until(lambda: mac2.node.stops.covers("any"))
    [words] = (await mac2.node.status()).stopped
    assert ", by mac1: multifleet stop --all --undo on a captain lets it go on" in words
    await mac2.node.stops.decide(None, everywhere=True, undo=True)
    await until(lambda: not mac1.node.stops.covers("any"))
    await mac1.down()
    await mac1.up()
    assert not mac1.node.stops.covers("any")
