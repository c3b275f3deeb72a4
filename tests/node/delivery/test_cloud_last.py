"""The cloud is asked once for a message that reaches nobody, however often it is tried again; nothing is claimed."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from multifleet.channels.cloud import CloudChannel
from multifleet.channels.cloud_token import ENVIRONMENT
from multifleet.config import CloudSettings
from multifleet.core.receipts import State
from multifleet.node.delivery.parked import PARKED_AGAIN
from tests.channels.certificate import make_certificate
from tests.channels.web import Web, reply, says, serving
from tests.node.fleet import Machine, Machines, until

URL = "https://claude.ai/code/session_01"
FIRED = {"type": "routine_fire", "claude_code_session_id": "session_01", "claude_code_session_url": URL}


@asynccontextmanager
async def routine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Web]:
    """A routine's server, whose certificate this process believes."""
    certificate = make_certificate(folder / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv(ENVIRONMENT, "sk-not-a-real-one")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with serving(says(reply(json.dumps(FIRED).encode())), ssl=context) as web:
        yield web


async def started(fleet: Machines, web: Web) -> tuple[Machine, Machine]:
    """mac1, which may use the routine, and mac2, which nothing reaches."""
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac1.config = msgspec.structs.replace(
        mac1.config, cloud=CloudSettings(routine=f"https://{web.address}/v1/fire", lastResort=True)
    )
    mac1.more_channels = [CloudChannel()]
    for machine in (mac1, mac2):
        await machine.start()
    fleet.network.severed |= {"mac1", "mac2"}
    return mac1, mac2


async def test_one_request_and_a_true_receipt(
    fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with routine(tmp_path, monkeypatch) as web:
        mac1, mac2 = await started(fleet, web)
        sent = await mac1.node.messages.send("mac2", "rebase before you push")
        story = await mac1.wait(sent.id, State.SENT)
        assert story.reason == f"by cloud: a cloud session was created: {URL}"
        assert "rebase before you push" in json.loads(web.requests[0])["text"]
        mac1.time.pass_(PARKED_AGAIN + 1)
        mac1.node.outboxes.try_now("mac2")
        await until(lambda: "delivery_failed" in mac1.node.counters.snapshot())
        assert len(web.requests) == 1, "it was tried again, and not there"
        fleet.network.severed.clear()
        mac1.node.outboxes.try_now("mac2")
        await mac1.wait(sent.id, State.STORED)
        assert await mac2.bodies() == ["rebase before you push"]
        assert len(web.requests) == 1


async def test_for_a_message_that_may_wait_no_session_is_made(
    fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with routine(tmp_path, monkeypatch) as web:
        mac1, _ = await started(fleet, web)
        idle = await mac1.node.messages.send("mac2", "when there is time", urgency="whenever")
        outbox = mac1.node.outboxes.of("mac2")
        await until(lambda: outbox.failing and not outbox._in_flight)
        outbox._retry_at = mac1.node.clock.monotonic() + 3_600
        urgent = await mac1.node.messages.send("mac2", "rebase before you push")
        await mac1.wait(urgent.id, State.SENT)
        (asked,) = web.requests
        assert "when there is time" not in json.loads(asked)["text"]
        assert (await mac1.node.messages.trace(idle.id)).state == State.QUEUED
        fleet.network.severed.clear()
        mac1.node.outboxes.try_now("mac2")
        await mac1.wait(idle.id, State.STORED)
