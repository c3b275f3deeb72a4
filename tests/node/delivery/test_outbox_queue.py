"""What waits for one peer: what goes first, and what is put back."""

from multifleet.core.packets import BATCH_BYTES, BATCH_LIMIT
from multifleet.node.delivery.outbox_queue import Queue, Waiting


def waiting(id: str, type: str = "context", size: int = 10, urgency: str = "next-turn") -> Waiting:
    """A message in the queue."""
    return Waiting(id, b"x" * size, type, urgency)  # type: ignore[arg-type]


def taken(queue: Queue) -> list[str]:
    """The ids of the next batch."""
    return [one.id for one in queue.take()]


def test_urgent_types_go_first_and_each_in_its_order() -> None:
    queue = Queue()
    for id, type in (
        ("s", "sync"),
        ("c1", "context"),
        ("t", "task"),
        ("c2", "context"),
        ("a", "alert"),
        ("r", "reply"),
    ):
        queue.add(waiting(id, type))
    assert taken(queue) == ["a"], "an alert goes alone: it is spread over every way"
    assert taken(queue) == ["t", "r", "c1", "c2"]
    assert taken(queue) == ["s"], "another route"
    assert len(queue) == 0


def test_what_may_wait_goes_after_all_else_and_in_no_request_with_it() -> None:
    queue = Queue()
    for id, type, urgency in (
        ("w1", "task", "whenever"),
        ("c", "context", "next-turn"),
        ("w2", "context", "whenever"),
        ("a", "alert", "whenever"),
    ):
        queue.add(waiting(id, type, urgency=urgency))
    assert [queue.before(tier) for tier in range(5)] == [0, 1, 1, 2, 4]
    assert taken(queue) == ["a"]
    assert taken(queue) == ["c"]
    batch = queue.take()
    queue.add(waiting("t", "task"))
    queue.put_back(batch)
    assert [taken(queue), taken(queue)] == [["t"], ["w1", "w2"]]


def test_a_batch_has_no_more_than_a_request_may_carry() -> None:
    queue = Queue()
    for number in range(BATCH_LIMIT + 1):
        queue.add(waiting(str(number)))
    assert len(taken(queue)) == BATCH_LIMIT
    assert len(taken(queue)) == 1


def test_a_batch_is_no_larger_than_a_request_may_be_and_never_empty() -> None:
    queue = Queue()
    for number in range(3):
        queue.add(waiting(str(number), size=BATCH_BYTES // 2 + 1))
    queue.add(waiting("huge", size=2 * BATCH_BYTES))
    assert [taken(queue) for _ in range(4)] == [["0"], ["1"], ["2"], ["huge"]]


def test_what_is_put_back_comes_first_again_unless_its_time_was_over_meanwhile() -> None:
    queue = Queue()
    for id in ("1", "2", "3"):
        queue.add(waiting(id))
    batch = queue.take()
    queue.add(waiting("4"))
    queue.drop("2")
    queue.put_back(batch)
    assert taken(queue) == ["1", "3", "4"]


def test_what_is_dropped_is_not_sent() -> None:
    queue = Queue()
    queue.add(waiting("1"))
    queue.drop("1")
    queue.drop("never there")
    assert taken(queue) == []


def test_what_failed_in_any_order_is_in_its_own_order_again() -> None:
    queue = Queue()
    for number in range(9):
        queue.add(waiting(str(number)))
    first, second, third = (queue.take(3) for _ in range(3))
    queue.put_back(second)
    queue.put_back(first)
    queue.put_back(third)
    assert taken(queue) == [str(number) for number in range(9)]


def test_a_batch_may_be_asked_to_be_smaller() -> None:
    queue = Queue()
    for number in range(3):
        queue.add(waiting(str(number)))
    assert [one.id for one in queue.take(2)] == ["0", "1"]
