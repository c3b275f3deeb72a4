"""What travels about repairs."""

import pytest

from multifleet.core import packets
from multifleet.core.packets import BadPacket
from multifleet.core.repairs import REPAIRS, Repair, RepairAsk, RepairTold
from multifleet.core.routing import CHANNELS


def test_what_a_target_says_comes_back_as_it_was_said() -> None:
    told = RepairTold(acted=True, done=["http: bound again"], addresses=["192.0.2.1:8855", "[2001:db8::1]:8855"])
    assert packets.read(packets.write(told), RepairTold) == told


@pytest.mark.parametrize(
    "text",
    [
        b'{"channels":["rm -rf ~"]}',
        b'{"channels":["http","http","http","http","http","http","http","http","http"]}',
        b'{"channels":["http"],"evidence":"' + b"x" * 301 + b'"}',
        b'{"channels":["http"],"action":"restart"}',
        b'{"evidence":"no channel"}',
    ],
)
def test_a_question_of_another_shape_is_refused(text: bytes) -> None:
    with pytest.raises(BadPacket):
        packets.read(text, RepairAsk)


def test_each_channel_in_the_list_is_one_that_there_is() -> None:
    assert REPAIRS.keys() <= CHANNELS.keys()
    assert all(repair in Repair for repairs in REPAIRS.values() for repair in repairs)
