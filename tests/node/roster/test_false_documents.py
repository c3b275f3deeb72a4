"""What members say that they may not say, or say ten thousand times, changes nothing on whole nodes."""

import pytest

from multifleet.core.card import sign_card
from multifleet.core.documents import Admission, Signed, from_card, sign
from multifleet.core.receipts import State
from multifleet.node.roster import exchange
from tests.core.wire import identity
from tests.node.fleet import until
from tests.node.roster.joined import joined, known_to, let_in, revoke
from tests.node.roster.signing import admission as signed_admission
from tests.node.roster.signing import revocation
from tests.node.served import Daemons


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


async def test_ten_thousand_bogus_documents_cost_bounded_room_and_keep_nobody_out(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "ASK_SECONDS", 60.0)  # they are to be judged, however long that takes here
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


async def test_a_captain_gone_bad_does_not_get_the_mail_of_a_name_by_letting_it_in_again(daemons: Daemons) -> None:
    mac1, bad, mac2 = await joined(daemons, "mac1", "bad", "mac2")  # mac2 is younger than the captain
    await mac2.down()
    thief = daemons.new("mac2", home="thief")
    await thief.up()
    fleet, key = mac1.node.members.fleet, thief.node.rostering.key
    lie = sign(
        bad.node.members.identity,
        Admission(fleet=fleet, node="mac2", key=key, role="captain", eligible=True, by=bad.node.rostering.key, at=0),
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
