"""`check`: its exit status says whether there is a way to each peer that was tried."""

from tests.surfaces import Surfaces


async def test_a_peer_that_no_channel_reaches_is_exit_status_1(surfaces: Surfaces) -> None:
    reached = await surfaces.cli("check", "mac2")
    assert (reached.status, reached.err) == (0, "")
    surfaces.node.by_git = "fails"
    lost = await surfaces.cli("check", "mac2")
    assert (lost.status, "P7 git" in lost.out) == (1, True)
    assert lost.err == "multifleet check: mac2 was reached by no channel: multifleet why mac2\n"


async def test_a_channel_without_a_way_is_shown_in_no_state(surfaces: Surfaces) -> None:
    (ssh,) = [line for line in (await surfaces.cli("check", "mac2")).out.splitlines() if "P5 ssh" in line]
    assert "untried" not in ssh and "no way" in ssh
