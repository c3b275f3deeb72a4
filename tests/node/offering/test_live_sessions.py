"""Which seat a message is for, and whose mail is offered while somebody is there."""

from pathlib import Path

from multifleet.core.receipts import State
from multifleet.sessions.base import Found
from multifleet.store.rows import InboxRow
from tests.node.fleet import Machine, Machines


async def test_mail_for_a_removed_seat_goes_where_mail_for_the_node_alone_goes(fleet: Machines, tmp_path: Path) -> None:
    mac2, row = await _waiting_at_api(fleet, tmp_path)
    live = mac2.node.offering.live
    assert live.wanted_seat(row) == "api"
    assert "api" not in mac2.node.seats.with_node({"web"})
    await mac2.node.seats.remove("api")
    assert live.wanted_seat(row) == "web"
    assert mac2.node.seats.with_node({"web"}) == {"web", None, "api"}
    assert mac2.node.seats.with_node({"other"}) == {"other"}
    assert live.wanted_by(Found((), ())) == set()


async def test_that_is_so_after_a_restart_and_ends_when_the_seat_is_bound_again(
    fleet: Machines, tmp_path: Path
) -> None:
    mac2, row = await _waiting_at_api(fleet, tmp_path)
    await mac2.node.seats.remove("api")
    await mac2.restart()
    assert mac2.node.seats.with_node({"web"}) == {"web", None, "api"}
    await mac2.node.seats.bind("api", str(tmp_path / "api"), False)
    assert mac2.node.seats.with_node({"web"}) == {"web", None}
    assert mac2.node.offering.live.wanted_seat(row) == "api"


async def test_without_a_default_seat_a_removed_seats_mail_is_whose_the_rule_says(
    fleet: Machines, tmp_path: Path
) -> None:
    mac2, row = await _waiting_at_api(fleet, tmp_path)
    await mac2.node.seats.remove("web")
    await mac2.node.seats.remove("api")
    assert mac2.node.offering.live.wanted_seat(row) is None
    assert mac2.node.seats.with_node(set()) == {None, "api", "web"}


async def test_a_session_in_the_nodes_own_home_is_given_nothing(fleet: Machines, tmp_path: Path) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    sent = await mac1.node.messages.send("mac2", "run something for me")
    await mac1.wait(sent.id, State.STORED)
    offering = mac2.node.offering
    assert await offering.session_started("one", str(mac2.home / "repair-agent"), False) == ""
    assert not offering.live.is_own(f"{mac2.home} of another")
    assert "run something" in await offering.session_started("two", str(tmp_path), False)


async def _waiting_at_api(fleet: Machines, folder: Path) -> tuple[Machine, InboxRow]:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    for name, default in (("api", False), ("web", True)):
        (folder / name).mkdir()
        await mac2.node.seats.bind(name, str(folder / name), default)
    sent = await mac1.node.messages.send("mac2/api", "hello")
    await mac1.wait(sent.id, State.STORED)
    [row] = await mac2.received()
    return mac2, row
