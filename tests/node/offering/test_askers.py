"""Which messages go to the conversation that they say they answer. The client is pretended."""

import os
import uuid

import msgspec

from multifleet.sessions.base import Session
from multifleet.sessions.claude_wire import Reply
from tests.node.offering.stage import Stage


async def test_what_says_that_it_answers_a_conversation_gets_past_no_rule_of_its_seat(stage: Stage) -> None:
    async with stage.pretended() as claude:
        id = await stage.send("MARK-ASKED")
        await claude.offered()
        offering = stage.node.offering
        found = await offering.live.find()
        [socket] = offering.replies._remotes
        asks = Reply(socket, str(uuid.uuid4()), "which branch?", os.getpid(), None, None, None, None)
        await offering.replies.pass_on(asks, found.sessions[0], "project")
        [question] = await stage.received_by_mac1(1)

        def asker(**changes: object) -> Session | None:
            return offering._asker(found, msgspec.structs.replace(row, **{"reply_to": question.id, **changes}))

        row = await stage.row(id)
        assert asker() == found.sessions[0] and asker(reply_to=id) is None
        assert asker(sender="mac3", from_="mac3/api") is None, "who was not asked answers nothing"
        offering.seats.has = lambda name: True  # type: ignore[method-assign]
        assert asker(seat="another") is None, "it would go past the rules for the conversation's own seat"
        await offering.quiet.set("project", None, off=False)
        assert asker() is None and asker(type="alert") == found.sessions[0]
