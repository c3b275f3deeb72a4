"""drop/: frames that lie there are taken up once; what is foreign is set aside, never followed, never waited for."""

import asyncio
import os
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from tests.node.fleet import Machine, Machines


class Parked:
    """A network that keeps a frame instead of carrying it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    async def take(self, frame: bytes) -> bytes:
        self.frames.append(frame)
        raise ConnectionError("parked")


async def frame_with(fleet: Machines, body: str) -> bytes:
    """A frame from mac1 to mac2 with one message."""
    mac1 = fleet.all["mac1"]
    parked = Parked()
    fleet.network.nodes["mac2"] = parked.take
    await mac1.node.messages.send("mac2", body)
    async with asyncio.timeout(10.0):
        while not parked.frames:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    fleet.network.nodes.pop("mac2", None)
    return parked.frames[0]


@pytest.fixture
async def mac2(fleet: Machines) -> Machine:
    """A node that does nothing by itself, with its folder."""
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    await mac2.open()
    (mac2.home / "drop").mkdir(mode=0o700, exist_ok=True)
    return mac2


async def test_a_frame_that_lies_there_is_taken_up_and_removed(fleet: Machines, mac2: Machine) -> None:
    frame = await frame_with(fleet, "hello")
    path = mac2.home / "drop/1.frame"
    path.write_bytes(frame)
    await mac2.node.dropped.take_up()
    assert await mac2.bodies() == ["hello"] and not path.exists()
    assert [row.state for row in await mac2.received()] == [State.STORED]


async def test_the_same_frame_again_is_no_second_message(fleet: Machines, mac2: Machine) -> None:
    frame = await frame_with(fleet, "hello")
    for name in ("1.frame", "2.frame"):
        (mac2.home / "drop" / name).write_bytes(frame)
    await mac2.node.dropped.take_up()
    (mac2.home / "drop/3.frame").write_bytes(frame)
    await mac2.node.dropped.take_up()
    assert await mac2.bodies() == ["hello"]
    assert not [name for name in os.listdir(mac2.home / "drop") if name.endswith(".frame")]


async def test_a_frame_that_lay_there_for_an_hour_is_still_good(fleet: Machines, mac2: Machine) -> None:
    (mac2.home / "drop/1.frame").write_bytes(await frame_with(fleet, "hello"))
    mac2.time.pass_(3600.0)
    await mac2.node.dropped.take_up()
    assert await mac2.bodies() == ["hello"]


async def test_what_is_foreign_is_set_aside_and_the_good_one_beside_it_arrives(
    fleet: Machines, mac2: Machine, tmp_path: Path
) -> None:
    frame = await frame_with(fleet, "hello")
    drop = mac2.home / "drop"
    secret = tmp_path / "elsewhere"
    secret.write_bytes(frame)
    os.symlink(secret, drop / "a-link.frame")
    os.mkfifo(drop / "b-pipe.frame")
    (drop / "c-folder.frame").mkdir()
    (drop / "d-noise.frame").write_bytes(b"no frame at all")
    (drop / "e-huge.frame").write_bytes(b"x" * (3 << 20))
    (drop / "f-forged.frame").write_bytes(frame[:-1] + bytes([frame[-1] ^ 1]))
    (drop / "g-empty.frame").write_bytes(b"")
    (drop / "half.frame.part").write_bytes(frame[:100])
    async with asyncio.timeout(5.0):
        await mac2.node.dropped.take_up()
    assert await mac2.bodies() == [], "the link was not followed"
    assert sorted(os.listdir(drop)) == ["half.frame.part", "refused"]
    assert len(os.listdir(drop / "refused")) == 7 and secret.exists()
    (drop / "z-good.frame").write_bytes(frame)
    await mac2.node.dropped.take_up()
    assert await mac2.bodies() == ["hello"]


async def test_a_place_that_cannot_take_what_is_refused_stops_nothing(fleet: Machines, mac2: Machine) -> None:
    drop = mac2.home / "drop"
    (drop / "refused").write_text("a file where the folder should be")
    (drop / "a-noise.frame").write_bytes(b"no frame at all")
    (drop / "b-good.frame").write_bytes(await frame_with(fleet, "hello"))
    await mac2.node.dropped.take_up()
    assert await mac2.bodies() == ["hello"]


async def test_no_folder_is_no_fault(mac2: Machine) -> None:
    (mac2.home / "drop").rmdir()
    await mac2.node.dropped.take_up()


async def test_a_running_node_finds_it_by_itself(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    frame = await frame_with(fleet, "hello")
    await mac2.start()
    (mac2.home / "drop").mkdir(mode=0o700, exist_ok=True)
    (mac2.home / "drop/.1").write_bytes(frame)
    os.rename(mac2.home / "drop/.1", mac2.home / "drop/1.frame")
    async with asyncio.timeout(10.0):
        while await mac2.bodies() != ["hello"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
