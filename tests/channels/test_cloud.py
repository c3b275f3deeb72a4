"""P0 against a local HTTPS server: exactly one request, a true receipt, and nothing twice."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from multifleet.channels import cloud
from multifleet.channels.base import ChannelError, Here, Parcel, Success, Target
from multifleet.channels.cloud import CloudChannel
from multifleet.channels.cloud_token import token_file
from multifleet.config import CloudSettings, Config
from multifleet.core.fence import Authority, FencedMessage
from multifleet.core.routine import RoutineAddress
from tests.channels.certificate import make_certificate
from tests.channels.here import here
from tests.channels.web import Reader, Web, Writer, is_silent, reply, says, serving

TOKEN = "sk-ant-oat01-not-a-real-one"
URL = "https://claude.ai/code/session_01"
FIRED = {"type": "routine_fire", "claude_code_session_id": "session_01", "claude_code_session_url": URL}
TARGET = Target("mac2")


def message(id: str, body: str = "please rebase") -> FencedMessage:
    return FencedMessage(id, "mac1/api", Authority.AGENT, "task", None, body, 1_700_000_000.0)


def parcel(*ids: str) -> Parcel:
    return Parcel(b"mf1", ids, tuple(message(id) for id in ids))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a server on 127.0.0.1, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


class World:
    """A routine's server, and a node that may use it."""

    def __init__(self, home: Path, certificate: Path) -> None:
        self.home = home
        self.certificate = certificate
        self.now = 1000.0
        self.counted: list[str] = []
        token_file(home).parent.mkdir(parents=True)
        token_file(home).write_text(TOKEN + "\n")
        token_file(home).chmod(0o600)

    @asynccontextmanager
    async def server(self, serve: Callable[[Web, Reader, Writer], Awaitable[None]]) -> AsyncIterator[Web]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate)
        async with serving(serve, ssl=context) as web:
            yield web

    async def channel(self, web: Web | None, **said: Any) -> CloudChannel:
        address = f"https://{web.address}/v1/claude_code/routines/trig_1/fire" if web else ""
        settings = CloudSettings(**({"routine": address, "lastResort": True} | said))
        made = CloudChannel()
        await made.start(AsyncExitStack(), self.here(settings))
        return made

    def here(self, settings: CloudSettings) -> Here:
        return here(
            self.home,
            config=Config(cloud=settings),
            monotonic=lambda: self.now,
            count=lambda name, **facts: self.counted.append(name),
        )


@pytest.fixture
def world(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return World(tmp_path, certificate)


def fires(body: dict[str, Any] = FIRED, status: str = "200 OK") -> Callable[[Web, Reader, Writer], Awaitable[None]]:
    return says(reply(json.dumps(body).encode(), status))


async def test_a_message_makes_one_session_and_no_more_is_claimed(world: World) -> None:
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        carried = await channel.deliver(TARGET, parcel("m1"))
        assert carried.success is Success.NUDGED
        assert carried.where == f"a cloud session was created: {URL}"
        with pytest.raises(ChannelError, match=f"created for it before: {URL}"):
            await channel.deliver(TARGET, parcel("m1"))
        assert len(web.requests) == 1
    said = json.loads(web.requests[0])["text"]
    assert "please rebase" in said and "from mac1/api" in said and "gives no permission" in said
    head = web.heads[0]
    assert f"authorization: bearer {TOKEN}".encode() in head.lower()
    assert b"anthropic-beta: experimental-cc-routine-2026-04-01" in head and b"anthropic-version: 2023-06-01" in head


async def test_after_an_unknown_outcome_it_is_never_asked_again_not_even_by_another_process(world: World) -> None:
    async with world.server(is_silent) as web:
        channel = await world.channel(web)
        asking = asyncio.create_task(channel.deliver(TARGET, parcel("m1")))
        await web.asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert len(web.requests) == 1
    async with world.server(fires()) as web:
        for again in (channel, await world.channel(web)):
            with pytest.raises(ChannelError, match="never asked for twice"):
                await again.deliver(TARGET, parcel("m1"))
        assert not web.requests


async def test_of_messages_together_it_is_not_said_that_a_session_was_created_where_that_is_not_known_of_each(
    world: World,
) -> None:
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        await channel.deliver(TARGET, parcel("m1"))
    async with world.server(says(b"")) as web:
        channel = await world.channel(web)
        with pytest.raises(ChannelError, match="ended before an answer"):
            await channel.deliver(TARGET, parcel("m2"))
        with pytest.raises(ChannelError, match="may have been created"):
            await channel.deliver(TARGET, parcel("m1", "m2"))
        assert len(web.requests) == 1


async def test_of_several_messages_those_are_told_that_were_not_before(world: World) -> None:
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        await channel.deliver(TARGET, parcel("m1"))
        await channel.deliver(TARGET, parcel("m1", "m2"))
        assert "Message m2" in web.requests[1].decode() and "Message m1" not in web.requests[1].decode()


@pytest.mark.parametrize(
    ("answer", "unknown"),
    [
        (fires({"error": {"message": "no such key"}}, "401 Unauthorized"), False),
        (fires({"error": {"message": "slow down"}}, "429 Too Many Requests"), False),
        (fires({}, "503 Service Unavailable"), True),
        (fires({}, "500 Internal Server Error"), True),
        (fires({"type": "routine_fire"}), True),
        (fires(FIRED | {"claude_code_session_url": "javascript:alert(1)"}), True),
        (fires({}, "302 Found\r\nLocation: https://127.0.0.1:1/"), True),
        (says(b""), True),
        (says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000), True),
    ],
)
async def test_only_a_clear_refusal_allows_another_request(world: World, answer: Any, unknown: bool) -> None:
    async with world.server(answer) as web:
        channel = await world.channel(web)
        with pytest.raises(ChannelError) as told:
            await channel.deliver(TARGET, parcel("m1"))
        assert told.value.unknown is unknown
        assert len(web.requests) == 1
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        if unknown:
            with pytest.raises(ChannelError):
                await channel.deliver(TARGET, parcel("m1"))
        else:
            await channel.deliver(TARGET, parcel("m1"))
        assert len(web.requests) == (0 if unknown else 1)


async def test_nobody_without_the_right_certificate_gets_the_token(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        with pytest.raises(ChannelError, match="no connection") as told:
            await channel.deliver(TARGET, parcel("m1"))
        assert not told.value.unknown and not web.requests


async def test_it_is_left_out_unless_the_user_has_opted_in(world: World) -> None:
    assert "docs/cloud.md" in (await world.channel(None)).reaches(TARGET)
    async with world.server(fires()) as web:
        assert "only when you ask" in (await world.channel(web, lastResort=False)).reaches(TARGET)
        assert (await world.channel(web)).reaches(TARGET) == ""
        assert "no https address" in (await world.channel(web, routine="http://127.0.0.1/fire")).reaches(TARGET)
        channel = await world.channel(web, lastResort=False)
        with pytest.raises(ChannelError):
            await channel.deliver(TARGET, parcel("m1"))
        assert not web.requests
        assert (await channel.ask("do it there")).url == URL
        assert json.loads(web.requests[0]) == {"text": "do it there"}


async def test_a_storm_of_messages_makes_three_sessions_and_then_one_in_ten_minutes(world: World) -> None:
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        for number in range(3):
            await channel.deliver(TARGET, parcel(f"m{number}"))
        with pytest.raises(ChannelError, match="lately"):
            await channel.deliver(TARGET, parcel("m3"))
        world.now += 601
        await channel.deliver(TARGET, parcel("m3"))
        assert len(web.requests) == 4


async def test_it_is_never_tried_only_to_see_whether_it_works(world: World) -> None:
    async with world.server(fires()) as web:
        channel = await world.channel(web)
        with pytest.raises(ChannelError):
            await channel.deliver(TARGET, replace(parcel(), ids=()))
        assert not web.requests


async def test_a_token_that_others_can_read_is_not_used(world: World) -> None:
    token_file(world.home).chmod(0o644)
    async with world.server(fires()) as web:
        with pytest.raises(ChannelError, match="chmod 600"):
            await (await world.channel(web)).deliver(TARGET, parcel("m1"))
        assert not web.requests


async def test_a_token_of_the_keyring_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    token_file(world.home).unlink()
    kept = {("multifleet-cloud", "mac1"): "sk-from-keyring"}
    monkeypatch.setattr(keyring, "get_password", lambda service, account: kept.get((service, account)))
    async with world.server(fires()) as web:
        await (await world.channel(web)).deliver(TARGET, parcel("m1"))
        assert b"Bearer sk-from-keyring" in web.heads[0]
    kept.clear()
    with pytest.raises(ChannelError, match="put it into the keyring"):
        await (await world.channel(web)).ask("text")

    def has_none(service: str, account: str) -> str:
        raise keyring.errors.NoKeyringError

    monkeypatch.setattr(keyring, "get_password", has_none)
    with pytest.raises(ChannelError, match="keys/cloud-token with mode 0600"):
        await (await world.channel(web)).ask("text")


async def test_where_nothing_can_be_noted_nothing_is_told(world: World) -> None:
    (world.home / "told").write_text("in the way")
    async with world.server(fires()) as web:
        with pytest.raises(ChannelError, match="nothing is told"):
            await (await world.channel(web)).deliver(TARGET, parcel("m1"))
        assert not web.requests


async def test_where_there_was_no_connection_none_of_the_three_sessions_is_used_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(address: RoutineAddress) -> NoReturn:
        raise ConnectionRefusedError(111, "Connection refused")

    async with world.server(fires()) as web:
        channel = await world.channel(web)
        with monkeypatch.context() as patched:
            patched.setattr(cloud, "_connect", refused)
            for _ in range(4):
                with pytest.raises(ChannelError, match="no connection"):
                    await channel.deliver(TARGET, parcel("m1"))
        assert (await channel.deliver(TARGET, parcel("m1"))).success is Success.NUDGED
