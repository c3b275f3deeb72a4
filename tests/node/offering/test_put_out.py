"""Mail of a machine that is put out, wherever it is on its way to a session. The client is pretended."""

from pathlib import Path

import pytest

from multifleet.core.documents import Revocation, Signed, sign
from multifleet.core.receipts import State
from multifleet.node.node import Node
from multifleet.node.offering import clients as clients_module
from multifleet.node.offering import following as following_module
from multifleet.sessions.seeds import SeedBox
from tests.core.wire import identity
from tests.node.fleet import pinned, until
from tests.node.offering.pretended import is_seed_of
from tests.node.offering.stage import Stage
from tests.node.roster import signing
from tests.sessions.records import SESSION_ID

WORDS = "mac1 was revoked by mac2: stolen"


def revocation(node: Node) -> Signed:
    """mac2's own, of mac1."""
    return signing.revocation(node, node.rostering.view.members["mac1"], "stolen")


async def put_out(node: Node) -> None:
    """As `revoke` does it, without a word to anybody."""
    await node.rostering.take([revocation(node)])


async def state_of(stage: Stage, id: str) -> tuple[str, str | None]:
    row = await stage.row(id)
    return row.state, row.detail


@pytest.fixture
def by_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No inbox is trusted, so that everything is laid ready for hooks."""
    monkeypatch.setattr(clients_module.Clients, "way_to", lambda self, session: clients_module.HOOKS)


@pytest.mark.usefixtures("by_hooks")
async def test_what_lies_ready_for_a_hook_is_taken_back_and_not_laid_again(stage: Stage) -> None:
    async with stage.pretended():
        id = await stage.send("rm -rf /")
        own = await stage.node.sending.send("mac2/project", "mine")
        await until(lambda: is_seed_of(stage.mac2.home) and stage.node.offering.offers)
        await put_out(stage.node)
        assert await state_of(stage, id) == (State.REFUSED, WORDS)
        await until(lambda: "mine" in seed(stage.mac2.home))
        assert "rm -rf" not in seed(stage.mac2.home)
        (listed,) = [one for one in await stage.node.messages.inbox(None, False, 10) if one.id == id]
        assert (listed.state, listed.reason, listed.unread) == ("refused", WORDS, False)
        assert (await stage.mac2.node.messages.read(own.id)).body == "mine"
        assert (await stage.mac2.node.messages.read(id)).body == "rm -rf /"


def seed(home: Path) -> str:
    """What a hook would show now."""
    try:
        return (home / "seeds" / SESSION_ID / "next").read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.usefixtures("by_hooks")
async def test_what_a_hook_took_before_stays_offered(stage: Stage) -> None:
    async with stage.pretended():
        id = await stage.send("hello")
        await until(lambda: is_seed_of(stage.mac2.home))
        box = stage.mac2.home / "seeds" / SESSION_ID
        (box / "next").rename(box / "taken.4711")
        await put_out(stage.node)
        await until(lambda: not is_seed_of(stage.mac2.home))
        await until(lambda: all(offer.state == State.OFFERED for offer in stage.node.offering.offers))
        assert await state_of(stage, id) == (State.OFFERED, "taken by a hook")


@pytest.mark.usefixtures("by_hooks")
async def test_a_seed_that_was_laid_before_a_daemon_was_killed_is_taken_back_by_the_next_one(stage: Stage) -> None:
    async with stage.pretended():
        id = await stage.send("rm -rf /")
        await until(lambda: is_seed_of(stage.mac2.home) and stage.node.offering.offers)
        document = revocation(stage.node)
        await stage.killed()
        await stage.mac2.open()
        await stage.node.rostering.take([document])
        assert is_seed_of(stage.mac2.home)
        await stage.mac2.run()
        await until(lambda: not is_seed_of(stage.mac2.home))
        await until(lambda: not stage.node.offering.offers)
        assert await state_of(stage, id) == (State.REFUSED, WORDS)


@pytest.mark.parametrize("held", [False, True], ids=["offered", "held"])
async def test_what_the_inbox_of_a_session_has_stays_as_it_is(stage: Stage, held: bool) -> None:
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await stage.mac1.wait(id, State.OFFERED)
        if held:
            await claude.say(line, "held")
            await stage.mac1.wait(id, State.HELD)
        state = (await stage.row(id)).state
        await put_out(stage.node)
        assert (await stage.row(id)).state == state
        claude.enter(line)
        claude.answer("yes")
        await until(lambda: not stage.node.offering.offers)
        assert (await stage.row(id)).state == State.ANSWERED
        assert len(claude.lines) == 1


async def test_what_the_client_gives_back_is_not_given_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "DROPPED_AGAIN", 0.1)
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await stage.mac1.wait(id, State.OFFERED)
        await put_out(stage.node)
        await claude.drop(line, "rate-limited")
        await until(lambda: not stage.node.offering.offers)
        assert await state_of(stage, id) == (State.REFUSED, WORDS)
        own = await stage.node.sending.send("mac2/project", "mine")
        await claude.offered(2)
        assert "mine" in str(claude.lines[1]) and "hello" not in str(claude.lines[1])
        assert (await stage.mac2.node.messages.read(own.id)).body == "mine"


@pytest.mark.usefixtures("by_hooks")
async def test_who_is_put_out_while_its_mail_is_made_ready_is_not_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid: list[str] = []
    commit = stage.node.offering.offers.commit

    async def and_meanwhile(*args: object, **more: object) -> object:
        made = await commit(*args, **more)  # type: ignore[arg-type]
        roster = stage.node.rostering
        roster._settling.put_out = {"mac1": revoked(stage.node)}
        return made

    def revoked(node: Node) -> object:
        node.rostering._roster.merge([revocation(node)])
        return next(iter(node.rostering._roster.view().out.values()))

    monkeypatch.setattr(stage.node.offering.offers, "commit", and_meanwhile)
    monkeypatch.setattr(SeedBox, "put", lambda self, session, text: laid.append(text))
    async with stage.pretended():
        id = await stage.send("rm -rf /")
        await until(lambda: stage.node.counters.snapshot().get("offers_given_back"))
    assert laid == []
    assert await state_of(stage, id) == (State.REFUSED, WORDS)


@pytest.mark.usefixtures("by_hooks")
async def test_mail_of_who_disputes_it_waits_until_that_is_settled(stage: Stage) -> None:
    node = stage.node
    for name in ("mac3", "mac4"):
        await node.membership.admit(pinned(identity(name)))
    words = [signed_revocation(node, "mac3", "mac1"), signed_revocation(node, "mac1", "mac3")]
    async with stage.pretended():
        id = await stage.send("hello")
        await until(lambda: is_seed_of(stage.mac2.home) and node.offering.offers)
        await node.rostering.take(words)
        await until(lambda: not is_seed_of(stage.mac2.home) and not node.offering.offers)
        assert (await stage.row(id)).state == State.STORED
        await node.rostering.take([signed_revocation(node, "mac4", "mac1")])
        assert await state_of(stage, id) == (State.REFUSED, "mac1 was revoked by mac3: bad")
        assert not is_seed_of(stage.mac2.home)


def signed_revocation(node: Node, by: str, whom: str) -> Signed:
    """What another captain says."""
    everybody = [identity(name).public.hex() for name in ("mac1", "mac2", "mac3", "mac4")]
    signer = identity(by)
    return sign(
        signer,
        Revocation(
            fleet=node.members.fleet,
            node=whom,
            key=identity(whom).public.hex(),
            by=signer.public.hex(),
            at=1,
            reason="bad",
            admitted=everybody,
            revoked=[],
        ),
    )
