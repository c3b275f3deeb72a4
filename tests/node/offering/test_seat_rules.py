"""A seat's rules, and what was not sent to it by name. The client is pretended."""

from multifleet.core.receipts import State
from tests.node.offering.stage import Stage
from tests.sessions.records import SESSION_ID


async def test_what_is_sent_to_the_machine_or_to_a_session_gets_past_no_rule_of_the_sessions_seat(stage: Stage) -> None:
    async with stage.pretended() as claude:
        await stage.send("MARK-FIRST")
        await claude.offered()
        await stage.node.rules.allow("project", "mac1", "context")
        kept = [await stage.send("MARK-TASK", to="mac2", type="task", **how) for how in ({}, {"session": SESSION_ID})]
        for id in kept:
            await stage.mac1.wait(id, State.STORED)
        await stage.send("MARK-CONTEXT", to="mac2")
        await claude.offered(2)
        assert "MARK-CONTEXT" in str(claude.lines) and "MARK-TASK" not in str(claude.lines)
        folder = str(stage.folder / "home/project")
        assert "MARK-TASK" not in await stage.node.offering.session_started(SESSION_ID, folder, False)
        await stage.node.rules.allow("project", "mac1", None)
        stage.node.offering.wake()
        await claude.offered(3)
        assert "MARK-TASK" in str(claude.lines)
