"""`receive`: raw bytes in, raw bytes out."""

import asyncio
import os
import sys

from tests.surfaces import ROOT, Surfaces


async def test_a_frame_goes_in_and_its_answer_comes_out(surfaces: Surfaces) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "multifleet",
        "receive",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"MULTIFLEET_HOME": str(surfaces.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    out, _ = await process.communicate(b"frame\x00\xfe")
    assert (process.returncode, out) == (0, b"answer\xffframe\x00\xfe")
    assert surfaces.node.asked == [("receive", b"frame\x00\xfe")]


async def test_a_frame_that_is_too_long_is_refused(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("receive", stdin=b"x" * (1024 * 1024 + 4097))
    assert (ran.status, ran.out) == (1, "")
    assert "longer than" in ran.err
    assert surfaces.node.asked == []
