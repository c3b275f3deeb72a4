"""A NATS server of the user's own on loopback, that lets everybody in."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from multifleet.channels.nats_process import NatsProcess, program


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[str]:
    """Its URL; what lies in its queues is under this folder, which is made."""
    found = program()
    assert found is not None
    process = await NatsProcess.start(found, _configured(folder))
    try:
        yield f"nats://127.0.0.1:{process.port}"
    finally:
        await process.stop()


def _configured(folder: Path) -> Path:
    folder.mkdir()
    config = {
        "host": "127.0.0.1",
        "port": -1,
        "max_payload": 1 << 21,
        "jetstream": {"store_dir": str(folder), "sync_interval": "always", "max_file_store": 1 << 30},
    }
    path = folder / "server.conf"
    path.write_text(json.dumps(config))
    return path
