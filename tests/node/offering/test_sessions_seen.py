"""The real client as the fleet sees it: found in all three ways, without a doubt; what it worked on; reached alone."""

import time

import pytest

from multifleet.core.receipts import State
from multifleet.core.session_sightings import PROCESSES, REGISTRY, TRANSCRIPTS
from multifleet.operations.injecting import Inject, inject
from multifleet.sessions.mock_messages_api import Answer
from tests.node.offering.stage import Stage

pytestmark = pytest.mark.real_claude


async def test_a_real_session_is_seen_in_all_ways_told_by_its_card_and_reached_by_its_id(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        path = claude.folder / "invoice_printer.py"
        writes = Answer(tools=(("Write", {"file_path": str(path), "content": "def round_cents() -> None: ...\n"}),))
        stage.api.when("WORK", writes, once=True)
        await claude.prompt("WORK on the secret plan")
        await claude.choose("Yes")
        await claude.wait_status("idle")
        began = time.time()
        [own] = (await stage.node.sessions_view(True)).sessions
        assert (set(own.seen_by), own.doubt) == ({REGISTRY, PROCESSES, TRANSCRIPTS}, None)
        [card] = (await stage.mac1.node.sessions_view(False)).peers
        assert (card.address, card.client, card.status) == ("mac2/project", "claude", "idle")
        assert card.since is not None and began - 60 < card.since < time.time() + 2
        [gold] = (await stage.node.gold_view(None)).sessions
        assert gold.words == ["invoice", "printer", "cents", "round"]
        sent = await inject(stage.mac1.node, Inject("mac2", claude.session.session_id, "MARK-ONE"))
        await stage.mac1.wait(sent.id, State.ANSWERED)
        smart = await stage.send("MARK-SMART", smart=True)
        await stage.mac1.wait(smart, State.ANSWERED)
        assert stage.times_shown("What this session worked on: invoice, printer, cents, round.") == 1
