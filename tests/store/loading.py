"""A process that accepts messages as fast as it can and says each id once it is durable, until killed."""

import asyncio
import sys
from pathlib import Path

from multifleet.store.store import Store
from tests.store.made import frame, outbox_row, queued, receipt

CALLERS = 16


async def main(home: Path, run: str) -> None:
    """Sends from 16 callers and receives from 16 peers until killed."""
    store = Store.open(home, 1_000.0)
    await asyncio.gather(*(_caller(store, f"{run}-{n}") for n in range(CALLERS)))


async def _caller(store: Store, name: str) -> None:
    n = 0
    while True:
        n += 1
        id_ = f"{name}-{n}"
        row = outbox_row(id_, n=n)
        await store.outbox.add(row, queued(row))
        print("added", id_, flush=True)
        store.receipts.record_later([receipt(id_, "stored", n, peer=name)], (), name, n)
        received = f"{name}-i{n}"
        taken = await store.inbox.receive(frame(received, received, sender=name))
        print("stored", received, taken.log[-1].seq, store.receipts.durable_have(name), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
