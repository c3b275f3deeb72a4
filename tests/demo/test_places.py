import socket

import pytest

from multifleet.demo.places import NoPlace, Place, choose_places


def test_all_nodes_get_the_wanted_port_on_addresses_of_their_own() -> None:
    port = _free_port()
    assert choose_places(wanted=port) == [
        Place("127.0.0.1", port),
        Place("127.0.0.2", port),
        Place("127.0.0.3", port),
    ]


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["TCP", "UDP"])
def test_a_port_that_is_taken_on_one_address_is_left_alone(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.2", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        places = choose_places(wanted=port)
    assert {place.port for place in places} != {port}
    assert len({place.port for place in places}) == 1


def test_where_there_is_one_loopback_address_each_node_gets_a_port() -> None:
    places = choose_places(hosts=("127.0.0.1", "192.0.2.77", "192.0.2.78"))
    assert {place.host for place in places} == {"127.0.0.1"}
    assert len({place.port for place in places}) == 3


def test_a_port_that_may_not_be_bound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: tuple[str, int]) -> None:
        if address[1]:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(NoPlace, match="Permission denied"):
        choose_places(wanted=80)


def test_a_place_reads_as_an_address() -> None:
    assert str(Place("127.0.0.3", 8855)) == "127.0.0.3:8855"


def _free_port() -> int:
    return choose_places(wanted=0)[0].port
