"""`send --as-me`: the person's key signs what goes out, and an agent's session may not ask for it."""

import json
from pathlib import Path

import msgspec
import pytest

from multifleet.core.person import read_signature, signed_words, to_sign
from multifleet.node.authority.ssh_keygen import NotProved, signer_of
from tests.node.authority.persons_keys import Key, allow
from tests.stand_in import ID, MESSAGE
from tests.surfaces import Surfaces


async def test_it_signs_with_the_persons_key(surfaces: Surfaces, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    key = Key(tmp_path / ".ssh", "id_ed25519")
    allow(tmp_path / "allowed", f"ada {key.public}")
    ran = await surfaces.cli("send", "mac2/api", "go on", "--as-me", "--subject", "s", "--smart", HOME=str(tmp_path))
    assert (ran.status, ran.err) == (0, "")
    [(_, asked)] = surfaces.node.asked
    made = to_sign(
        id=asked["id"],
        from_="mac1",
        to="mac2/api",
        type="context",
        at=asked["signed_at"],
        lifetime=asked["expires_in"],
        body="go on",
        subject="s",
        smart=True,
    )
    words = signed_words(made, "f1")
    signature = asked["signature"]
    assert signer_of(tmp_path / "allowed", read_signature(signature), signature, words) == "ada"
    with pytest.raises(NotProved):
        signer_of(tmp_path / "allowed", read_signature(signature), signature, words + b" ")


async def test_an_answer_is_signed_with_all_that_it_takes_from_its_question(surfaces: Surfaces, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    key = Key(tmp_path / ".ssh", "id_ed25519")
    allow(tmp_path / "allowed", f"ada {key.public}")
    question = msgspec.structs.replace(MESSAGE, to="mac1/web", thread="db")
    surfaces.node.messages.message = question
    words = ("reply", question.id[:8], "yes", "--as-me", "--urgency", "now", "--expires", "90")
    ran = await surfaces.cli(*words, HOME=str(tmp_path))
    assert (ran.status, ran.err) == (0, "")
    _, (name, asked) = surfaces.node.asked
    assert (name, asked["id"], asked["sender_seat"]) == ("reply", question.id, "web")
    made = to_sign(
        id=asked["answer_id"],
        from_="mac1/web",
        to=question.from_,
        type="reply",
        at=asked["signed_at"],
        lifetime=90.0,
        body="yes",
        urgency="now",
        thread="db",
        reply_to=question.id,
    )
    signed = signed_words(made, "f1")
    assert asked["expires_in"] == 90.0
    signature = asked["signature"]
    assert signer_of(tmp_path / "allowed", read_signature(signature), signature, signed) == "ada"
    ran = await surfaces.cli(*words, HOME=str(tmp_path), CLAUDECODE="1")
    assert ran.status == 1 and "a terminal of your own" in ran.err and len(surfaces.node.asked) == 2


async def test_verify_fails_where_nobodys_signature_is_proved(surfaces: Surfaces) -> None:
    assert (await surfaces.cli("verify", ID)).status == 0
    surfaces.node.messages.proved = False
    ran = await surfaces.cli("verify", ID)
    assert ran.status == 1 and "not proved to be a person's" in ran.out
    assert (await surfaces.cli("verify", ID, "--json")).json["proved"] is False


async def test_the_configuration_names_another_key(surfaces: Surfaces, tmp_path: Path) -> None:
    Key(tmp_path, "mine")
    (surfaces.home / "config.json").write_text(json.dumps({"signingKey": str(tmp_path / "nope")}))
    ran = await surfaces.cli("send", "mac2", "x", "--as-me", HOME=str(tmp_path))
    assert ran.status == 1 and "nothing was sent" in ran.err and surfaces.node.asked == []


@pytest.mark.parametrize("mark", ["CLAUDECODE", "CODEX_THREAD_ID"])
async def test_an_agents_session_may_not(surfaces: Surfaces, mark: str) -> None:
    ran = await surfaces.cli("send", "mac2", "x", "--as-me", **{mark: "1"})
    assert ran.status == 1 and "a terminal of your own" in ran.err and surfaces.node.asked == []


async def test_without_a_key_it_says_where_to_get_one(surfaces: Surfaces, tmp_path: Path) -> None:
    ran = await surfaces.cli("send", "mac2", "x", "--as-me", HOME=str(tmp_path))
    assert ran.status == 1 and "make one with ssh-keygen" in ran.err
