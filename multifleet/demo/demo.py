"""`multifleet demo`: plays the story in a throwaway folder and says what came of it.

Nothing stays: no process, no file, also when it is interrupted.
"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from multifleet.config import DEFAULT_PORT
from multifleet.demo.blackout import Blackout
from multifleet.demo.fleet_node import DemoFailed, PortTaken
from multifleet.demo.footprints import removing_new
from multifleet.demo.outcome import Arrival, arrivals_table, examine
from multifleet.demo.places import NoPlace, choose_places
from multifleet.demo.story import Story
from multifleet.demo.teller import Teller

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(as_json: bool, brief: bool = False) -> int:
    """Exit status: 0 when every message arrived once and every receipt's signature is good, else 1; 128 and
    the signal's number when one ended it."""
    return asyncio.run(_play_until_signalled(as_json, brief))


async def _play_until_signalled(as_json: bool, brief: bool) -> int:
    loop = asyncio.get_running_loop()
    playing = asyncio.create_task(_play(as_json, brief), name="demo")
    got: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        if not got:
            sys.stderr.write("\nending the demo ...\n")
            playing.cancel()
        got.append(number)

    for number in ENDING:
        loop.add_signal_handler(number, end, number)
    try:
        return await playing
    except asyncio.CancelledError:
        return 128 + got[0]


async def _play(as_json: bool, brief: bool) -> int:
    begun = time.monotonic()
    teller = Teller(quiet=as_json)
    with removing_new(), tempfile.TemporaryDirectory(prefix="mf-demo-", ignore_cleanup_errors=True) as folder:
        for port in (DEFAULT_PORT, 0):
            arrivals: list[Arrival] = []
            reason = None
            story = Story(Path(folder, str(port)), teller, brief)
            try:
                await story.play(choose_places(wanted=port), choose_places(wanted=0))
                arrivals = await examine(story.sent)
            except PortTaken as error:
                reason = str(error)
                continue  # once more, on a port that nobody asks for
            except (DemoFailed, NoPlace) as error:
                reason = str(error)
                with suppress(DemoFailed):  # what has arrived by then is shown all the same
                    arrivals = await examine(story.sent)
            finally:
                await story.end()
            break
    reason = reason or next((f"{one.id}: {one.fault}" for one in arrivals if one.fault), None)
    seconds = time.monotonic() - begun
    if as_json:
        print(json.dumps(_outcome(story, arrivals, reason, seconds)))
    elif arrivals:
        _conclude(story, arrivals, teller, seconds)
    if reason:
        sys.stderr.write(f"multifleet demo: {reason}\n")
    return 1 if reason else 0


def _conclude(story: Story, arrivals: list[Arrival], teller: Teller, seconds: float) -> None:
    teller.act("All receipts")
    for line in arrivals_table(arrivals):
        teller.say(line)
    once = sum(one.fault is None for one in arrivals)
    receipts = sum(one.good for one in arrivals)
    killed = f", {story.killed} was killed on the way" if story.killed else ""
    teller.act(
        f"{once} of {len(arrivals)} messages arrived once, {receipts} signatures are good{killed}. {seconds:.0f} s."
    )
    teller.act("Next, on two machines of yours: multifleet init, invite, join, up. See README.md.")


def _outcome(story: Story, arrivals: list[Arrival], reason: str | None, seconds: float) -> dict[str, object]:
    return {
        "ok": reason is None,
        "reason": reason,
        "nodes": [{"node": node.name, "address": str(node.place)} for node in story.nodes],
        "messages": [{"id": one.id, "from": one.from_, "to": one.to, "states": one.states} for one in arrivals],
        "agent": story.agent.what,
        "killed": story.killed,
        "blackout": _blackout(story.blackout) if story.blackout else None,
        "seconds": round(seconds, 1),
    }


def _blackout(act: Blackout) -> dict[str, object]:
    return {"by": act.by, "healed": act.healed, "left": act.left}
