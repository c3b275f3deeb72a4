"""Lines come out whole, wherever their bytes were cut, and none that is too long."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.lines import Lines
from multifleet.core.transcript import MAX_LINE


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.integers(1, 7))
def test_they_are_what_they_were_wherever_they_are_cut(written: list[bytes], step: int) -> None:
    data = b"".join(line + b"\n" for line in written)
    lines = Lines()
    assert [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])] == written


def test_what_is_too_long_or_only_half_there_is_passed_over() -> None:
    lines = Lines()
    assert list(lines.feed(b"x" * (MAX_LINE + 1))) == []
    assert list(lines.feed(b"x\nnext\nhalf")) == [b"next"] and lines.passed_over == 1
    lines.restart()
    assert list(lines.feed(b"another\n")) == [b"another"]
    assert list(lines.feed(b"y" * (MAX_LINE + 1) + b"\nlast\n")) == [b"last"] and lines.passed_over == 2
