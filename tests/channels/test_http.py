"""HTTP to a peer: every known address, the one that answered last first, and nothing that is no signed answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from errno import ECONNREFUSED, EHOSTUNREACH

import pytest

from multifleet.channels import http_connection
from multifleet.channels.base import ChannelError, Parcel, Target
from multifleet.channels.connections import CONNECTIONS_TO_A_PEER
from multifleet.channels.http import HttpChannel
from tests.channels.here import here
from tests.channels.web import ANSWER, Reader, Web, Writer, answers, is_silent, reply, says, serving
from tests.ports import free_port

FRAME = b"mf1 a frame"


@pytest.fixture
async def channel() -> AsyncIterator[HttpChannel]:
    """A started channel."""
    async with AsyncExitStack() as stack:
        made = HttpChannel()
        await made.start(stack, here())
        yield made


def to(*addresses: str) -> Target:
    """mac2 at these addresses."""
    return Target("mac2", addresses)


async def test_every_known_address_is_tried_until_one_answers(channel: HttpChannel) -> None:
    async with serving(answers) as web:
        target = to(f"127.0.0.1:{free_port()}", "no-such-host.invalid:1", web.address)
        carried = await channel.deliver(target, Parcel(FRAME))
        assert carried.where == web.address
        assert web.requests == [FRAME]


async def test_the_address_that_answered_last_goes_first_as_long_as_it_is_one_of_the_peers(
    channel: HttpChannel,
) -> None:
    async with serving(answers) as first, serving(answers) as second:
        dead = f"127.0.0.1:{free_port()}"
        await channel.deliver(to(dead, second.address), Parcel(FRAME))
        assert channel.best("mac2") == second.address
        await channel.deliver(to(first.address, second.address), Parcel(FRAME))
        assert (len(first.requests), len(second.requests)) == (0, 2)
        await channel.deliver(to(first.address), Parcel(FRAME))
        assert channel.best("mac2") == first.address


async def test_one_connection_is_kept_for_frames_one_after_the_other(channel: HttpChannel) -> None:
    async with serving(answers) as web:
        for _ in range(10):
            await channel.deliver(to(web.address), Parcel(FRAME))
        assert web.opened == 1


async def test_a_herd_of_frames_opens_few_connections(channel: HttpChannel) -> None:
    async with serving(answers) as web:
        await asyncio.gather(*(channel.deliver(to(web.address), Parcel(FRAME)) for _ in range(100)))
        assert web.opened <= CONNECTIONS_TO_A_PEER


async def test_a_kept_connection_that_the_peer_closed_is_not_used_again(channel: HttpChannel) -> None:
    async with serving(answers) as web:
        await channel.deliver(to(web.address), Parcel(FRAME))
        web.hang_up()
        async with asyncio.timeout(20):
            while web.closed < 1:  # noqa: ASYNC110  no event tells it
                await asyncio.sleep(0.005)
        await asyncio.sleep(0)
        assert (await channel.deliver(to(web.address), Parcel(FRAME))).answer.startswith(ANSWER)
        assert web.opened == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(b"not for you to know\n", "401 Unauthorized"), "does not know this node"),
        (reply(b"nothing", "404 Not Found"), "something else than multifleet"),
        (reply(b"too large", "413 Content Too Large"), "smaller frames"),
        (reply(b"<html>welcome</html>"), "HTTP 200 without a signed answer"),
        (reply(b"", "302 Found"), "HTTP 302"),
    ],
)
async def test_who_gives_no_signed_answer_did_not_get_the_frame(
    channel: HttpChannel, answer: bytes, words: str
) -> None:
    async with serving(says(answer)) as other, serving(answers) as web:
        with pytest.raises(ChannelError, match=words) as failed:
            await channel.deliver(to(other.address), Parcel(FRAME))
        assert failed.value.unknown is False
        assert channel.best("mac2") is None
        assert (await channel.deliver(to(other.address, web.address), Parcel(FRAME))).where == web.address


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"internal", "500 Internal Server Error"),
        reply(b"damaged", "503 Service Unavailable"),
        reply(b"gateway", "502 Bad Gateway"),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nmf1 cut short",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"Content-Length: 3\r\n\r\nmf1",
    ],
)
async def test_an_answer_that_breaks_off_or_is_an_error_there_leaves_the_outcome_unknown(
    channel: HttpChannel, answer: bytes
) -> None:
    async with serving(says(answer)) as web:
        with pytest.raises(ChannelError) as failed:
            await channel.deliver(to(web.address), Parcel(FRAME))
        assert failed.value.unknown is True
        assert web.address in str(failed.value)


async def test_an_endless_answer_is_cut_off(channel: HttpChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "ANSWER_LIMIT", 100_000)

    async def endless(web: Web, reader: Reader, writer: Writer) -> None:
        await web.body(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"mf1 " * 256 + b"\r\n")
            await writer.drain()

    async with serving(endless) as web, asyncio.timeout(10):
        with pytest.raises(ChannelError, match="too large"):
            await channel.deliver(to(web.address), Parcel(FRAME))


@pytest.mark.parametrize(
    "address",
    ["", "x y", "127.0.0.1:99999", "127.0.0.1:0", "..", "a" * 300, "\x00", "é" * 70, "[::1", "-o:1", "http://x"],
)
async def test_an_odd_address_is_passed_over(channel: HttpChannel, address: str) -> None:
    with pytest.raises(ChannelError) as failed:
        await channel.deliver(to(address), Parcel(FRAME))
    assert failed.value.unknown is False
    async with serving(answers) as web:
        assert (await channel.deliver(to(address, web.address), Parcel(FRAME))).where == web.address


async def test_a_peer_without_an_address_is_said_to_have_none(channel: HttpChannel) -> None:
    with pytest.raises(ChannelError, match="no address of mac2 may be tried"):
        await channel.deliver(to(), Parcel(FRAME))


async def test_a_silent_peer_does_not_hold_up_another(channel: HttpChannel) -> None:
    async with serving(is_silent) as silent, serving(answers) as web:
        waiting = asyncio.create_task(channel.deliver(to(silent.address), Parcel(FRAME)))
        await silent.asked.wait()
        async with asyncio.timeout(20):
            await channel.deliver(Target("mac3", (web.address,)), Parcel(FRAME))
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_an_address_where_frames_vanish_does_not_hide_the_ones_behind_it(channel: HttpChannel) -> None:
    async with serving(is_silent) as silent, serving(says(b"")) as broken, serving(answers) as web:
        target = to(silent.address, broken.address, web.address)
        for _ in range(2):
            with pytest.raises((TimeoutError, ChannelError)):
                async with asyncio.timeout(0.1):
                    await channel.deliver(target, Parcel(FRAME))
        assert (await channel.deliver(target, Parcel(FRAME))).where == web.address


async def test_a_peer_that_moved_to_another_address_is_found_though_somebody_else_took_the_old_one(
    channel: HttpChannel,
) -> None:
    async with serving(answers) as web, serving(answers) as moved:
        old, new = web.address, moved.address
        await channel.deliver(to(old, new), Parcel(FRAME))
        web._serve = is_silent
        web.hang_up()
        outcomes = []
        for seconds in (0.1, 0.1, 20):
            try:
                async with asyncio.timeout(seconds):
                    outcomes.append((await channel.deliver(to(old, new), Parcel(FRAME))).where)
            except (TimeoutError, ChannelError):
                outcomes.append("nothing")
        assert outcomes[-1] == new


async def test_one_lost_answer_does_not_cost_the_best_address_its_place(channel: HttpChannel) -> None:
    async with serving(answers) as web:
        target = to(f"127.0.0.1:{free_port()}", web.address)
        await channel.deliver(target, Parcel(FRAME))
        web._serve = says(b"")
        web.hang_up()
        with pytest.raises(ChannelError):
            await channel.deliver(target, Parcel(FRAME))
        assert channel.best("mac2") == web.address


async def test_a_daemon_that_meets_an_error_of_its_own_is_said_to(channel: HttpChannel) -> None:
    async with serving(says(reply(b"damaged", "503 Service Unavailable"))) as web:
        with pytest.raises(ChannelError, match=r"answered with an internal error.*multifleet doctor there"):
            await channel.deliver(to(web.address), Parcel(FRAME))


async def test_a_refused_connection_is_told_in_the_systems_words(channel: HttpChannel) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ChannelError) as told:
            await channel.deliver(to(where), Parcel(FRAME))
    assert str(told.value) == f"{where}: connection refused"


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError(ECONNREFUSED, "Connect call failed ('192.0.2.1', 1)"), "connection refused"),
        (
            OSError(f"Multiple exceptions: [Errno {ECONNREFUSED}] Connect call failed ('::1', 1, 0, 0), "
                    f"[Errno {EHOSTUNREACH}] Connect call failed ('192.0.2.1', 1)"),
            "connection refused, no route to host",
        ),
        (OSError(ECONNREFUSED, "Connection refused"), "connection refused"),
        (http_connection.Broken("it ended"), "it ended"),
    ],
)  # fmt: skip
def test_how_no_connection_came_to_be_is_told_without_pythons_calls(error: Exception, words: str) -> None:
    assert http_connection.in_words(error) == words
