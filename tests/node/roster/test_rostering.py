"""Who is in and who is out, on whole nodes over real HTTP: what one says, all come to know and hold to."""

import asyncio

import pytest

from multifleet.core.card import sign_card
from multifleet.core.documents import Admission, Signed, from_card, sign
from multifleet.core.receipts import State
from multifleet.errors import BadInput, NotEntitled, Revoked, UnknownNode
from multifleet.node.roster.fleet_file import fleet_file
from tests.core.wire import identity
from tests.node.fleet import until
from tests.node.roster.signing import admission as signed_admission
from tests.node.roster.signing import revocation
from tests.node.served import Daemon, Daemons


async def joined(daemons: Daemons, *names: str, role: str = "captain") -> list[Daemon]:
    """Daemons of which the first has let in all others."""
    found = await daemons.up(*names)
    for daemon in found[1:]:
        await let_in(found[0], daemon, role)
    await settled(found)
    return found


async def let_in(inviter: Daemon, joiner: Daemon, role: str = "captain") -> None:
    """By a code."""
    made = await inviter.node.invite([inviter.address], role)  # type: ignore[arg-type]
    await joiner.node.join(made.code, [])


async def settled(daemons: list[Daemon]) -> None:
    """Until all know the same, and each knows all."""
    names = {daemon.name for daemon in daemons}
    await until(lambda: all(known_to(daemon) >= names for daemon in daemons))
    await until(lambda: len({daemon.node.rostering.digest() for daemon in daemons}) == 1)


def known_to(daemon: Daemon) -> set[str]:
    """Names of the members whose keys it has, its own among them."""
    return {member.node for member in daemon.node.members}


async def revoke(daemon: Daemon, node: str, reason: str = "", **how: bool) -> object:
    """As the operation does it."""
    return await daemon.node.revoke(node, reason, how.get("with_admitted", False), how.get("undo", False))


async def test_a_join_is_known_to_all_of_five_within_a_second_and_each_can_write_to_each(daemons: Daemons) -> None:
    first = await joined(daemons, "mac1", "mac2", "mac3", "mac4")
    (mac5,) = await daemons.up("mac5")
    await let_in(first[1], mac5)
    async with asyncio.timeout(1.0):
        while not all("mac5" in known_to(daemon) for daemon in first):  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.005)
    assert known_to(mac5) == {"mac1", "mac2", "mac3", "mac4", "mac5"}
    await first[3].delivers("mac5")
    await mac5.delivers("mac3")


async def test_the_roster_says_who_is_in_and_by_whom(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    (mac3,) = await daemons.up("mac3")
    await let_in(mac2, mac3, "worker")
    await settled([mac1, mac2, mac3])
    seen = await mac1.node.roster_view()
    assert [(one.node, one.role, one.eligible, one.by) for one in seen.members] == [
        ("mac1", "captain", True, None),
        ("mac2", "captain", True, "mac1"),
        ("mac3", "worker", False, "mac2"),
    ]
    assert (seen.chief, seen.out, seen.disputes, seen.shared_key) == ("mac1", [], [], "none")
    assert seen.digest == (await mac3.node.roster_view()).digest


async def test_a_worker_lets_nobody_in_puts_nobody_out_and_is_told_who_can(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2", role="worker")
    with pytest.raises(NotEntitled, match="mac2 is a worker and may not let others in: do it on mac1"):
        await mac2.node.invite([mac2.address])
    with pytest.raises(NotEntitled, match="may not put others out: do it on mac1"):
        await revoke(mac2, "mac1")
    await mac1.delivers("mac2")


async def test_a_revoked_machine_is_out_everywhere_and_hears_why(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "laptop")
    result = await mac1.node.revoke("laptop", "stolen", False, False)
    assert (result.how, result.told, result.stays, result.gone) == ("revoked", True, [], [])
    assert known_to(mac1) == {"mac1", "mac2"}
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    for daemon in (mac1, mac2):
        with pytest.raises(Revoked, match="laptop was revoked by mac1: stolen: nothing is sent to it"):
            await daemon.node.messages.send("laptop", "hello")
    await until(lambda: mac3.node.rostering.view.me_out is not None)
    with pytest.raises(Revoked, match="laptop was revoked by mac1: stolen"):
        await mac3.node.messages.send("mac1", "let me in")
    with pytest.raises(Revoked):
        await mac3.node.invite([mac3.address])
    await mac1.delivers("mac2")


async def test_what_was_on_its_way_to_a_revoked_machine_comes_back_with_the_reason(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await laptop.down()
    sent = [await daemon.node.messages.send("laptop", "hello") for daemon in (mac1, mac1, mac2)]
    result = await mac1.node.revoke("laptop", "stolen", False, False)
    assert (result.given_up, result.told) == (2, False)
    for daemon, one in zip((mac1, mac1, mac2), sent, strict=True):
        await daemon.node.messages.until(one.id, State.UNDELIVERABLE, 5)
        story = await daemon.node.messages.trace(one.id, verify=True)
        assert story.state == "undeliverable"
        assert (story.reason or "").startswith("laptop was revoked by mac1: stolen")
        assert all(event.verified for event in story.events)
    with pytest.raises(Revoked, match="stolen"):
        await mac1.node.messages.retry(sent[0].id)
    assert "outbox of laptop" not in {task.get_name() for task in asyncio.all_tasks() if _is_of(task, mac1, mac2)}


def _is_of(task: "asyncio.Task[object]", *daemons: Daemon) -> bool:
    return any(task in daemon.node.outboxes._tasks.values() for daemon in daemons)


async def test_mail_of_a_revoked_sender_is_shown_to_no_session_and_still_read_by_a_person(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    sent = await laptop.node.messages.send("mac2", "rm -rf /")
    await laptop.node.messages.wait(sent.id, State.STORED, 5)
    await revoke(mac1, "laptop", "stolen")
    await until(lambda: mac2.node.rostering.put_out("laptop"))
    async with mac2.node.rostering._lock:
        (row,) = await mac2.node.store.inbox.listing(10)
    assert (row.state, row.detail) == ("refused", "laptop was revoked by mac1: stolen")
    assert await mac2.node.offering.waiting() == []
    assert (await mac2.node.messages.inbox(None, False, 10))[0].body == "rm -rf /"


async def test_a_revocation_holds_on_a_node_that_was_away_when_it_was_made(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await mac2.down()
    await revoke(mac1, "laptop", "stolen")
    await laptop.down()
    await mac2.up()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    await laptop.up()
    with pytest.raises(Revoked):
        await mac2.node.messages.send("laptop", "hello")
    assert laptop.node.rostering.view.me_out is not None


async def test_who_comes_in_by_an_invitation_of_a_revoked_machine_is_not_in(daemons: Daemons) -> None:
    mac1, laptop = await joined(daemons, "mac1", "laptop")
    (mallory,) = await daemons.up("mallory")
    code = (await laptop.node.invite([laptop.address])).code
    await mac1.down()
    mac1.node.rostering.tell = lambda news: None
    await let_in_by(code, mallory)
    await mac1.up()
    # mac1 decides before it has heard of mallory.
    await revoke(mac1, "laptop", "stolen")
    await mac1.node.rostering.take(mallory.node.rostering.roster.documents(), "mallory")
    assert known_to(mac1) == {"mac1"}
    out = {one.node: one.how for one in (await mac1.node.roster_view()).out}
    assert out == {"laptop": "revoked", "mallory": "orphaned"}


async def let_in_by(code: str, joiner: Daemon) -> None:
    """By a code that was made before."""
    await joiner.node.join(code, [])


async def test_whom_a_revoked_machine_had_let_in_stays_unless_told_otherwise(daemons: Daemons) -> None:
    mac1, laptop = await joined(daemons, "mac1", "laptop")
    (mac3,) = await daemons.up("mac3")
    await let_in(laptop, mac3)
    await settled([mac1, laptop, mac3])
    result = await mac1.node.revoke("laptop", "", False, False)
    assert (result.stays, result.gone) == (["mac3"], [])
    result = await mac1.node.revoke("laptop", "", True, False)
    assert (result.stays, result.gone) == ([], ["mac3"])
    assert known_to(mac1) == {"mac1"}


async def test_captains_that_put_each_other_out_are_both_out_until_a_third_one_decides(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac3.down()
    one = mac1.node.rostering
    two = mac2.node.rostering
    first, second = one.view.members["mac2"], two.view.members["mac1"]
    stays = [mac3.node.rostering.key]
    documents = [
        revocation(mac1.node, first, "it is bad", stays, ()),
        revocation(mac2.node, second, "no, it is", stays, ()),
    ]
    await one.take(documents)
    await two.take(documents)
    assert (known_to(mac1), known_to(mac2)) == ({"mac1", "mac3"}, {"mac2", "mac3"})
    await mac3.up()
    await mac3.node.rostering.take(documents, "mac1")
    assert known_to(mac3) == {"mac3"}
    assert len((await mac3.node.roster_view()).disputes) == 2
    result = await mac3.node.revoke("mac2", "mac1 is right", False, False)
    assert (result.how, result.back) == ("revoked", ["mac1"])
    await until(lambda: known_to(mac3) == {"mac1", "mac3"})
    await mac3.delivers("mac1")
    await mac1.delivers("mac3")


async def test_who_went_out_with_its_admitter_may_still_put_out_the_captain_that_did_it(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac1.down()
    await mac3.down()
    theirs = mac3.node.rostering
    thefts = revocation(mac3.node, theirs.view.members["mac1"], "mine now")
    await mac2.node.rostering.take([thefts], "mac3")
    out = mac2.node.rostering.view.me_out
    assert out is not None and out.how == "orphaned"
    result = await mac2.node.revoke("mac3", "a thief", False, True)
    assert (result.how, result.back) == ("revoked", ["mac1", "mac2"])
    await mac1.up()
    await mac1.node.revoke("mac3", "a thief", False, True)
    await until(lambda: known_to(mac1) == known_to(mac2) == {"mac1", "mac2"})
    await mac2.delivers("mac1")


async def test_a_recorded_word_about_the_roster_is_no_sign_of_life(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    recorded: list[bytes] = []
    frames = mac1.node.frames

    async def record(body: bytes, remote: str) -> tuple[int, bytes]:
        recorded.append(body)
        return await frames(body, remote)

    mac1.node.frames = record  # type: ignore[method-assign]
    assert await mac2.node.roster_exchange.reconcile("mac1")
    await mac2.down()
    heard_at = mac1.node.presence.peer("mac2").heard_at
    said = [await frames(body, "192.0.2.9") for body in recorded]
    assert said and all(status == 200 for status, _ in said)
    seen = mac1.node.members.get("mac2")
    assert mac1.node.presence.peer("mac2").heard_at == heard_at
    assert seen is not None and seen.heard_from != "192.0.2.9"


async def test_leaving_tells_all_and_leaves_a_fleet_of_one_with_the_same_keys_and_inbox(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac1.delivers("mac3", "keep me")
    await mac2.down()
    lost = await mac3.node.messages.send("mac2", "too late")
    old, key = mac3.node.members.fleet, mac3.node.members.identity.public
    result = await mac3.node.leave()
    assert (result.fleet, result.told, result.given_up) == (old, ["mac1"], 1)
    assert (await mac3.node.messages.trace(lost.id)).state == "undeliverable"
    assert mac3.node.members.fleet == result.new_fleet != old
    assert known_to(mac3) == {"mac3"}
    await until(lambda: known_to(mac1) == {"mac1", "mac2"})
    await mac2.up()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    with pytest.raises(UnknownNode):
        await mac1.node.messages.send("mac3", "hello")
    assert mac3.node.members.identity.public == key
    assert [row.body for row in await mac3.node.store.inbox.listing(10)] == ["keep me"]
    with pytest.raises(BadInput, match="fleet of its own"):
        await mac3.node.leave()


async def test_who_has_left_may_be_let_in_again_and_is_back_everywhere(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac3.node.leave()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    await let_in(mac2, mac3)
    await settled([mac1, mac2, mac3])
    await mac3.delivers("mac1")
    await mac1.delivers("mac3")


async def test_a_revoked_machine_comes_back_with_new_keys_under_its_old_name(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac3.delivers("mac1")
    await mac3.down()
    await revoke(mac1, "mac3", "set up anew")
    again = daemons.new("mac3", home="mac3-anew")
    await again.up()
    await let_in(mac1, again)
    await settled([mac1, mac2, again])
    await again.delivers("mac1")
    await mac1.delivers("mac3")
    await again.delivers("mac2")


@pytest.mark.parametrize("lost", ["store.db*", "fleet.json"])
async def test_who_is_in_and_who_is_out_survives_the_loss_of_either_place(daemons: Daemons, lost: str) -> None:
    mac1, mac2, _ = await joined(daemons, "mac1", "mac2", "laptop")
    await revoke(mac1, "laptop", "stolen")
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    digest, fleet = mac2.node.rostering.digest(), mac2.node.members.fleet
    await mac2.down()
    for part in mac2.home.glob(lost):
        part.unlink()
    await mac2.up()
    assert (mac2.node.rostering.digest(), mac2.node.members.fleet) == (digest, fleet)
    assert known_to(mac2) == {"mac1", "mac2"}
    await mac2.delivers("mac1")
    assert fleet_file(mac2.home).exists()


async def test_a_full_disk_does_not_keep_a_thief_in(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    mac1, _, _ = await joined(daemons, "mac1", "mac2", "laptop")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("multifleet.node.roster.keeping.write_fleet", full)
        await revoke(mac1, "laptop")
    assert known_to(mac1) == {"mac1", "mac2"}
    assert mac1.node.counters.snapshot()["fleet_file_not_written"] >= 1
    mac1.node.rostering.keep_file()
    assert not mac1.node._keeping.file_is_old


async def test_a_new_card_moves_a_member_and_an_old_one_does_not_move_it_back(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    mine = mac2.node.members.identity
    old = mac1.node.rostering.view.members["mac2"].signed_card
    assert old is not None
    now = int(mac2.node.clock.now() * 1000) + 5_000
    newer = from_card(sign_card(mine, ["127.0.0.1:9"], now, "1"))
    await mac1.node.rostering.take([newer], "mac2")
    assert mac1.node.members.need("mac2").addresses == ("127.0.0.1:9",)
    await mac1.node.rostering.take([old], "mac2")
    assert mac1.node.members.need("mac2").addresses == ("127.0.0.1:9",)


def admission(by: str, fleet: str, **fields: object) -> Signed:
    """An admission of mallory, signed by whoever."""
    signer = identity(by)
    said = {
        "fleet": fleet,
        "node": "mallory",
        "key": identity("mallory").public.hex(),
        "role": "captain",
        "eligible": True,
        "by": signer.public.hex(),
        "at": 1_800_000_000_000,
    }
    return sign(signer, Admission(**said | fields))  # type: ignore[arg-type]


async def test_lies_of_a_member_are_refused_or_mean_nothing(daemons: Daemons) -> None:
    mac1, mac2, _ = await joined(daemons, "mac1", "mac2", "mac3", role="worker")
    worker, fleet = mac2.node.members.identity, mac1.node.members.fleet
    card = mac2.node.rostering.view.members["mac3"]
    assert card.signed_card is not None
    lies = {
        "a worker lets somebody in": signed_admission(mac2.node, "mallory", identity("mallory").public.hex()),
        "a worker puts somebody out": revocation(mac2.node, mac2.node.rostering.view.members["mac3"]),
        "somebody unknown lets somebody in": admission("nobody", fleet),
        "an admission for another fleet": admission("mac1", "0" * 32),
        "a signature that is not the signer's": Signed(admission("nobody", fleet, at=2**42).text, "0" * 128),
        "a card of another": Signed(card.signed_card.text.replace('"issued":1', '"issued":3'), "2" * 128),
        "a card of a namesake": from_card(sign_card(identity("mac3"), ["127.0.0.1:9"], 2**49, "1")),
        "a word of another, changed": Signed(
            revocation(mac2.node, mac2.node.rostering.view.members["mac3"]).text.replace(
                worker.public.hex(), mac1.node.rostering.key
            ),
            "1" * 128,
        ),
    }
    before = mac1.node.members.need("mac3").addresses
    refused = mac1.node.counters.snapshot().get("roster_documents_refused", 0)
    assert await mac2.node.roster_exchange.say(mac2.node.members.need("mac1"), list(lies.values()))
    assert known_to(mac1) == {"mac1", "mac2", "mac3"}
    assert mac1.node.members.need("mac3").addresses == before
    assert mac1.node.counters.snapshot()["roster_documents_refused"] - refused == 4
    assert not mac1.node.rostering.view.retired


async def test_ten_thousand_bogus_documents_cost_bounded_room_and_keep_nobody_out(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    fleet, liar = mac1.node.members.fleet, identity("liar")

    def bogus(number: int) -> Signed:
        body = Admission(
            fleet=fleet,
            node=f"m{number}",
            key=f"{number:064x}",
            role="captain",
            eligible=True,
            by=liar.public.hex(),
            at=number,
        )
        return sign(liar, body)

    flood = [bogus(number) for number in range(10_000)]
    assert await mac2.node.roster_exchange.say(mac2.node.members.need("mac1"), flood)
    assert len(mac1.node.rostering.roster.documents()) < 5_000
    assert known_to(mac1) == {"mac1", "mac2"}
    (mac3,) = await daemons.up("mac3")
    await let_in(mac1, mac3)
    await until(lambda: "mac3" in known_to(mac2))


async def test_a_revoked_machine_gets_nowhere_with_anything_that_it_has(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    thief = laptop.node
    member = thief.members.need("mac1")
    # It is not told, so that the thief's view stays what it was.
    await mac1.node.rostering.take(
        [revocation(mac1.node, mac1.node.rostering.view.members["laptop"], "stolen")]
    )
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    # Frames.
    asked = thief.exchange.request(member, [], [], 1)
    status, answer = await mac1.node.frames(asked.frame, "127.0.0.1")
    assert (status, answer) == (401, b"not for you to know\n")
    # Its documents, relayed by an honest member: it lets in, it puts out.
    relayed = [
        signed_admission(thief, "mallory", identity("mallory").public.hex()),
        revocation(thief, thief.rostering.view.members["mac2"], "revenge"),
    ]
    await mac2.node.rostering.take(relayed, "mac1")
    await mac1.node.rostering.take(relayed, "mac2")
    for daemon in (mac1, mac2):
        assert known_to(daemon) == {"mac1", "mac2"}
    # Joining again, with the same keys.
    await laptop.node.rostering.begin_afresh("0" * 32)
    with pytest.raises(Revoked, match=r"laptop was revoked by mac1: stolen\. It comes back only with new keys"):
        await laptop.node.join((await mac1.node.invite([mac1.address])).code, [])
    assert "mallory" not in known_to(mac1) | known_to(mac2)
    await mac1.delivers("mac2")


async def test_any_revocation_retires_the_shared_key(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", "a shared key of a test fleet")
    nodes = {name: {"host": "127.0.0.1", "port": 9, "role": "captain"} for name in ("mac1", "mac2", "mac3")}
    mac1 = daemons.new("mac1", nodes=nodes)
    await mac1.up()
    here = {"mac1": {"host": "127.0.0.1", "port": mac1.port, "role": "captain"}}
    mac2, mac3 = daemons.new("mac2", nodes=nodes | here), daemons.new("mac3", nodes=nodes | here)
    await mac2.up()
    await until(lambda: known_to(mac1) == known_to(mac2) == {"mac1", "mac2"})
    await mac1.delivers("mac2")
    await revoke(mac1, "mac2", "stolen")
    assert (await mac1.node.roster_view()).shared_key == "retired"
    await mac3.up()
    await until(lambda: mac1.node.counters.snapshot().get("hello_refused_retired"))
    assert known_to(mac1) == {"mac1"}
    with pytest.raises(UnknownNode):
        await mac1.node.messages.send("mac3", "hello")


async def test_two_rosters_with_thousands_of_documents_become_equal_page_by_page(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    fleet, me = mac1.node.members.fleet, mac1.node.members.identity
    let_in = [
        sign(
            me,
            Admission(
                fleet=fleet,
                node=f"m{number}",
                key=f"{number:064x}",
                role="worker",
                eligible=False,
                by=me.public.hex(),
                at=number,
            ),
        )
        for number in range(1_500)
    ]
    mac1.node.rostering.tell = lambda news: None
    mac2.node.rostering.tell = lambda news: None
    await mac1.node.rostering.take(let_in[:1_000])
    await mac2.node.rostering.take(let_in[1_000:])
    assert await mac2.node.roster_exchange.reconcile("mac1")
    assert mac1.node.rostering.digest() == mac2.node.rostering.digest()
    assert len(mac1.node.rostering.view.members) == 1_502
    assert len(mac1.node.rostering.cardless()) == 1_500
    with pytest.raises(UnknownNode, match="its card has not come yet"):
        await mac1.node.messages.send("m7", "hello")


async def test_a_captain_gone_bad_does_not_get_the_mail_of_a_name_by_letting_it_in_again(daemons: Daemons) -> None:
    mac1, bad, mac2 = await joined(daemons, "mac1", "bad", "mac2")  # mac2 is younger than the captain
    await mac2.down()
    thief = daemons.new("mac2", home="thief")
    await thief.up()
    fleet, key = mac1.node.members.fleet, thief.node.rostering.key
    lie = sign(
        bad.node.members.identity,
        Admission(
            fleet=fleet, node="mac2", key=key, role="captain", eligible=True, by=bad.node.rostering.key, at=0
        ),
    )
    anchors = {held: anchor for held, anchor in bad.node.rostering.view.anchors().items() if anchor.node != "mac2"}
    await thief.node.rostering.enter(fleet, anchors, [lie], bad.node.members.need("mac1").row)
    for daemon in (mac1, bad):
        await daemon.node.rostering.take([lie, thief.node.rostering.own.card()])
        assert daemon.node.members.need("mac2").row.ed25519 == mac2.node.members.identity.public
    sent = await mac1.node.messages.send("mac2", "for the real one")
    await mac2.up()
    assert mac2.node.rostering.view.me_out is None
    await mac1.node.messages.wait(sent.id, State.STORED, 10)
    assert [row.body for row in await thief.node.store.inbox.listing(10)] == []
    # Both are shown, and a person revokes the one that is not theirs.
    status, doctor = await mac1.node.status(), await mac1.node.doctor(["peers"])
    assert [problem for problem in status.problems if key[:16] in problem and "let in by bad" in problem]
    assert [check for check in doctor.checks if "two machines call themselves mac2" in str(check)]
    assert mac1.node.counters.snapshot()["name_claimed"] == 1
    await revoke(mac1, key[:16], "a thief")
    assert (await mac1.node.status()).problems == ()
    await mac1.delivers("mac2")


async def test_others_get_their_turn_after_a_few_long_documents(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mac1,) = await daemons.up("mac1")
    roster = mac1.node.rostering.roster
    merge, sizes = roster.merge, []

    def measured(documents: list[Signed]) -> object:
        sizes.append(sum(len(each.text) for each in documents))
        return merge(documents)

    monkeypatch.setattr(roster, "merge", measured)
    junk = [Signed('{"' + "x" * 57_000 + str(number) + '"}', "0" * 128) for number in range(16)]
    changes = await mac1.node.rostering.take(junk)
    assert (len(changes.refused), max(sizes) < 2 * len(junk[0].text)) == (16, True)
