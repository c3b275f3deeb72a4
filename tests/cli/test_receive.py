"""`receive`: raw bytes in, raw bytes out."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.surfaces import ROOT, Surfaces, run_cli


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


@pytest.mark.parametrize(("node", "says"), [("mac9", "is the home of mac9"), ("", "no node has its home in")])
async def test_a_frame_for_another_node_is_refused_and_not_laid_down_where_nobody_looks_for_it(
    tmp_path: Path, node: str, says: str
) -> None:
    if node:
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / "identity.json").write_text(json.dumps({"node": node}))
    ran = await run_cli(tmp_path, "receive", "--json", stdin=b"mf1 mac1 mac2 kid 1 nonce mac\nsealed")
    assert ran.status == 1 and says in ran.err
    assert says in json.loads(ran.out)["elsewhere"]
    assert not (tmp_path / "drop").exists()
