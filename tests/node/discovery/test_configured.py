"""Names of the configuration are looked up in bounded time."""

import asyncio
import socket
from typing import Any

import pytest

from multifleet.node.discovery import configured
from multifleet.node.discovery.configured import look_up_all


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[str]]) -> list[str]:
    """The system's resolver, replaced: who is not in the answers never answers."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        if host not in answers:
            await asyncio.Event().wait()
        if not answers[host]:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answers[host]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_addresses_are_taken_as_they_are_and_names_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, {"mac2.example": ["192.0.2.7", "127.0.0.1", "2001:db8::7"], "none.example": []})
    found = await look_up_all(
        {
            "mac2": ["192.0.2.2:8855", "mac2.example:9", "[2001:db8::2]:1"],
            "mac3": ["none.example:1", "not an address"],
            "mac4": ["127.0.0.1:1"],
        }
    )
    assert found == {"mac2": ("192.0.2.2:8855", "192.0.2.7:9", "[2001:db8::7]:9", "[2001:db8::2]:1")}
    assert "192.0.2.2" not in asked


async def test_a_resolver_that_does_not_answer_delays_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "LOOKUP_SECONDS", 0.05)
    answering(monkeypatch, {"mac9.example": ["192.0.2.9"]})
    silent = {f"silent{n}": [f"silent{n}.example:1"] for n in range(8)}
    async with asyncio.timeout(5):
        found = await look_up_all({**silent, "mac9": ["mac9.example:1"]})
    assert found == {"mac9": ("192.0.2.9:1",)}
