import pytest

from multifleet.demo.outcome import Arrival, arrivals_table

STATES = ("queued", "stored")


def arrival(**changes: object) -> Arrival:
    known = {"id": "1", "from_": "a", "to": "b", "states": STATES, "receipts": 2, "good": 2, "copies": 1}
    return Arrival(**(known | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"copies": 0}, "0 copies in the inbox"),
        ({"copies": 2}, "2 copies in the inbox"),
        ({"states": ("queued", "sent")}, "no receipt of its arrival"),
        ({"good": 1}, "1 bad signatures"),
    ],
)
def test_a_message_has_arrived_when_it_is_there_once_and_all_its_receipts_are_good(
    changes: dict[str, object], fault: str | None
) -> None:
    assert arrival(**changes).fault == fault


def test_the_table_names_what_is_wrong_with_a_message() -> None:
    good, bad = arrivals_table([arrival(), arrival(from_="laptop", copies=2)])
    assert good.startswith("1  a -> b       queued") and "!!" not in good
    assert bad.endswith("!! 2 copies in the inbox")
