"""`receive`: raw bytes in, raw bytes out."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.surfaces import ROOT, Ran, Surfaces, run_cli

FRAME = b"mf1 mac1 mac2 kid 1 nonce mac\nsealed"


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


async def receives(home: Path, *, of: str = "") -> Ran:
    """A frame for mac2, with a line before it that names a home where `of` says one."""
    line = b"home %s\n" % of.encode() if of else b""
    async with asyncio.timeout(20):
        return await run_cli(
            home, "receive", "--json", stdin=line + FRAME, MULTIFLEET_HOME="" if of else str(home), HOME=str(home)
        )


@pytest.mark.parametrize("what", ["pipe", "damaged"])
async def test_where_nobody_can_say_whose_home_it_is_no_bytes_are_laid_down(tmp_path: Path, what: str) -> None:
    identity = tmp_path / "keys" / "identity.json"
    identity.parent.mkdir()
    if what == "pipe":
        os.mkfifo(identity)
    else:
        identity.write_text("{")
    ran = await receives(tmp_path)
    assert ran.status == 1 and "identity.json cannot be read" in ran.err, ran
    assert not (tmp_path / "drop").exists()


@pytest.mark.parametrize("path", ["link", "link/.", "true/../true"])
async def test_only_the_true_path_of_a_home_counts_in_the_line_before_a_frame(tmp_path: Path, path: str) -> None:
    (tmp_path / "true" / "keys").mkdir(parents=True, mode=0o700)
    (tmp_path / "true" / "keys" / "identity.json").write_text('{"node": "mac9"}')
    (tmp_path / "link").symlink_to("true")
    there = await receives(tmp_path, of=f"{tmp_path}/true")
    assert "is the home of mac9" in there.err
    ran = await receives(tmp_path, of=f"{tmp_path}/{path}")
    assert "no node has its home in" in ran.err, ran
