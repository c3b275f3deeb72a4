"""Load from outside: posts messages to a daemon's Unix socket, as local clients do, and prints the figures."""

import argparse
import json
from pathlib import Path

import uvloop

from benchmarks.http_client import Pool
from benchmarks.load import Figures, run_callers

ACCEPTED = 202


async def post_messages(socket: Path, callers: int, seconds: float) -> Figures:
    """Callers that post their next message when the last one was accepted."""
    pool = Pool(socket)

    async def send(body: str) -> None:
        request = json.dumps({"to": "mac2", "type": "context", "body": body}).encode()
        status, answer = await pool.post(b"/message", request, b"application/json")
        if status != ACCEPTED:
            raise RuntimeError(f"{status}: {answer.decode(errors='replace')}")

    figures = await run_callers(send, callers, seconds)
    await pool.aclose()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("socket", type=Path)
    parser.add_argument("callers", type=int)
    parser.add_argument("seconds", type=float)
    chosen = parser.parse_args()
    print(json.dumps(uvloop.run(post_messages(chosen.socket, chosen.callers, chosen.seconds))))


if __name__ == "__main__":
    main()
