"""One connection of the HTTP door: requests read in time and in bounds, answered one by one, in order.

Only a parser is taken from a library, no server: those wait for ever for a head, a body or a reader, and do
not refuse before it has read. Nothing here knows an operation or a peer.
"""

from asyncio import AbstractEventLoop, BaseTransport, CancelledError, Protocol, Task, Transport
from enum import Enum
from typing import cast

from multifleet.api.answers import Answer, Refused, refusal, render
from multifleet.api.door import Door
from multifleet.api.guard import Caller, Passed, check_head, too_large
from multifleet.api.inflow import Inflow, Malformed
from multifleet.api.routes import Asked, Route, answer_always
from multifleet.api.watch import Watch

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Stage(Enum):
    """What a connection waits for. Each has a deadline, but ANSWER: whoever answers keeps time himself."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    WRITE = "write"
    """For the client to read what was written."""
    IDLE = "idle"
    GOODBYE = "goodbye"
    """Refused; what still comes is dropped, so that the client sees the answer instead of a reset."""
    CLOSING = "closing"


class Connection(Protocol):
    """Speaks HTTP/1.1 with one caller."""

    __slots__ = (
        "_caller",
        "_door",
        "_held",
        "_inflow",
        "_last",
        "_loop",
        "_only_reads",
        "_passed",
        "_slow_reader",
        "_stage",
        "_task",
        "_transport",
        "_unix",
        "_watch",
    )

    def __init__(self, door: Door, loop: AbstractEventLoop, unix: bool) -> None:
        self._door = door
        self._loop = loop
        self._unix = unix
        self._caller = Caller("unix", unix=True, proved=True, port=0)
        self._transport: Transport | None = None
        self._inflow = Inflow(door.limits)
        self._watch = Watch(loop, self._strike)
        self._stage = Stage.HEAD
        self._passed: Passed | None = None  # the request whose body is coming or that is being answered
        self._task: Task[None] | None = None  # that answers it
        self._only_reads = False  # what is being answered, as its route has found out
        self._held = False  # nothing more is read until the answer is out
        self._last = False  # the connection closes after the answer
        self._slow_reader = False

    def connection_made(self, transport: BaseTransport) -> None:
        """See who it is, and whether there is room."""
        self._transport = cast(Transport, transport)
        door = self._door
        if not self._unix:
            theirs, ours = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            if not theirs or not ours:
                self.send_away()  # it was reset before it was accepted
                return
            proved = door.proof.by_connection(transport)
            self._caller = Caller(theirs[0], unix=False, proved=proved, port=ours[1], address=ours[0])
        if door.closing:
            self.send_away()
        elif door.crowd.enter(self, None if self._caller.proved else self._caller.remote):
            self._watch.set(door.limits.head_seconds)
        else:
            door.reports.refused("crowded", self._caller.remote)
            self.send_away()

    def data_received(self, data: bytes) -> None:
        """Read on, as far as the stage wants to read."""
        stage, inflow, limits = self._stage, self._inflow, self._door.limits
        if stage is Stage.CLOSING:
            return
        if stage is Stage.GOODBYE:
            inflow.unread += len(data)
            if inflow.unread > limits.goodbye_bytes:
                self._close()
            return
        try:
            inflow.feed(data)
        except Malformed:
            self._stop_reading()
            return
        if inflow.ahead >= limits.ahead_requests:
            self._door.reports.refused("too_far_ahead", self._caller.remote)
            self.send_away()
        elif stage is Stage.ANSWER or stage is Stage.WRITE:
            self._hold()
        elif stage is Stage.BODY:
            self._read_body()
        elif inflow.ahead:
            self._take()
        elif inflow.unread > limits.head_bytes:
            self._refuse(Refused(431, "head_too_large", "the head of the request is too large"))
        elif stage is Stage.IDLE:
            self._enter(Stage.HEAD, limits.head_seconds)

    def eof_received(self) -> bool:
        """No more comes. The answer still goes out, but work for this caller alone is given up."""
        self._last = True
        return (self._stage is Stage.ANSWER or self._stage is Stage.WRITE) and not self._only_for_caller

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        self._slow_reader = True

    def resume_writing(self) -> None:
        """The client has read."""
        self._slow_reader = False
        if self._stage is Stage.WRITE:
            self._go_on()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Work that only its caller wanted is given up; all other work goes on."""
        self._transport = None
        self._stage = Stage.CLOSING
        self._watch.stop()
        self._door.crowd.leave(self)
        if self._task is None:
            self._inflow.drop()  # it and its parser hold each other, so the bytes would wait for the collector
        elif self._only_for_caller:
            self._task.cancel()

    def retire(self) -> None:
        """Close as soon as what is being answered is out; a caller that only waits for news is cut off."""
        self._last = True
        if self._only_for_caller:
            self.send_away()
        elif self._stage is not Stage.ANSWER and self._stage is not Stage.WRITE:
            self._close()

    def give_way(self) -> None:
        """Close at once, for the room is needed; what came is dropped now, since the loop may close much later."""
        self._inflow.drop()
        self._door.reports.refused("gave_way", self._caller.remote)
        self.send_away()

    def send_away(self) -> None:
        """Close at once, whatever is under way."""
        self._stage = Stage.CLOSING
        if self._transport is not None:
            self._transport.abort()

    @property
    def _only_for_caller(self) -> bool:
        if self._task is None or self._passed is None:
            return False
        return self._passed.route.ends_with_caller or self._only_reads

    def _take(self) -> None:
        door, inflow = self._door, self._inflow
        head = inflow.take()
        self._last = self._last or head.last
        try:
            self._passed = check_head(door.routes, self._caller, head, door.proof.by_header)
        except Refused as refused:
            self._refuse(refused, whole=inflow.whole)
            return
        if not inflow.whole:
            self._enter(Stage.BODY, door.limits.body_seconds)
            if head.headers.get("expect", "").lower() == "100-continue":
                self._write(CONTINUE)
        self._read_body()

    def _read_body(self) -> None:
        passed, inflow = self._passed, self._inflow
        assert passed is not None
        if inflow.exceeds(passed.route.body_limit):
            self._refuse(too_large(passed.route))
        elif inflow.whole:
            caller, own, headers = self._caller.remote, passed.own, passed.headers
            asked = Asked(passed.parts, passed.query, inflow.body(), caller, own, headers, self._found_to_read)
            self._only_reads = False
            self._stage = Stage.ANSWER
            self._watch.clear()
            self._door.crowd.serve(self)
            self._task = self._loop.create_task(self._answer(passed.route, asked), name=passed.route.path)
            self._door.tasks.add(self._task)
        else:
            self._door.crowd.weigh(self, inflow.held)

    def _found_to_read(self) -> None:
        self._only_reads = True

    async def _answer(self, route: Route, asked: Asked) -> None:
        task = self._task
        try:
            answer = await answer_always(route, asked, self._door.reports)
        except CancelledError:
            self.send_away()
            raise
        finally:
            self._task = self._passed = None
            if task is not None:
                self._door.tasks.discard(task)
        self._door.crowd.wait(self)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self._last = self._last or self._door.closing
        self._write(render(answer, self._last))
        self._go_on()

    def _go_on(self) -> None:
        """The answer is written: what next?"""
        if self._held and self._transport is not None:
            self._held = False
            self._transport.resume_reading()
        if self._last:
            self._close()
        elif self._slow_reader:
            self._enter(Stage.WRITE, self._door.limits.write_seconds)
        elif self._inflow.ahead:
            self._take()
        else:
            self._enter(Stage.IDLE, self._door.limits.idle_seconds)

    def _hold(self) -> None:
        """Let the client wait with what it sends before it is answered."""
        too_much = self._inflow.unread > self._door.limits.ahead_bytes
        if too_much and not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()
        self._door.crowd.weigh(self, self._inflow.held)

    def _stop_reading(self) -> None:
        malformed = Refused(400, "bad_request", "this is not a request in HTTP/1.1")
        if self._stage is Stage.ANSWER or self._stage is Stage.WRITE:
            self._door.reports.refused(malformed.code, self._caller.remote, malformed.status)
            self._last = True  # the request before it still gets its answer
        else:
            self._refuse(malformed)

    def _refuse(self, refused: Refused, whole: bool = False) -> None:
        """Answer with the refusal; unless the request came `whole`, drop what is left of it and close."""
        self._door.reports.refused(refused.code, self._caller.remote, refused.status)
        self._passed = None
        if whole:
            self._send(refusal(refused))
            return
        self._write(render(refusal(refused), last=True))
        self._inflow.unread = 0
        self._enter(Stage.GOODBYE, self._door.limits.goodbye_seconds)
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def _strike(self) -> None:
        stage, reports = self._stage, self._door.reports
        if stage is Stage.WRITE or stage is Stage.CLOSING:
            reports.refused("reader_late", self._caller.remote)
            self.send_away()
            return
        if stage is Stage.HEAD and not self._inflow.unread:
            reports.count("never_spoke")
        elif stage is Stage.HEAD or stage is Stage.BODY:
            late = Refused(408, f"{stage.value}_late", f"the {stage.value} of the request took too long")
            reports.refused(late.code, self._caller.remote, late.status)
            self._write(render(refusal(late), last=True))
        self._close()

    def _enter(self, stage: Stage, seconds: float) -> None:
        self._stage = stage
        self._watch.set(seconds)

    def _close(self) -> None:
        self._enter(Stage.CLOSING, self._door.limits.write_seconds)
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
