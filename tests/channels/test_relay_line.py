"""On which of its ports a relay is asked."""

from multifleet.channels.base import Carry, Parcel, Target
from multifleet.channels.connections import Connections
from multifleet.channels.relay_line import RelayLine
from multifleet.core.asks import Question
from multifleet.core.relay_packets import RelayGives, RelayPoll
from tests.channels.here import here
from tests.channels.web import answers, serving
from tests.ports import free_port


async def test_what_waits_for_mail_asks_on_the_relays_own_port_though_the_usual_one_answered_before() -> None:
    asked: list[str] = []

    async def ask_over(node: str, question: Question, seconds: float, carry: Carry) -> RelayGives:
        asked.append((await carry(chief, Parcel(b"mf1 a question"))).where)
        return RelayGives()

    async with serving(answers) as usual, serving(answers) as own:
        chief = Target("chief", (usual.address,))
        connections = Connections()
        line = RelayLine(here(ask_over=ask_over), connections)
        line.told_port("chief", free_port())  # nobody listens there yet
        await line.ask(chief, RelayPoll(), 5.0)
        line.told_port("chief", own.port)
        await line.ask(chief, RelayPoll(), 5.0)
        await line.ask(chief, RelayPoll(), 5.0, stays=True)
        connections.close()
    assert asked == [usual.address, usual.address, own.address]
