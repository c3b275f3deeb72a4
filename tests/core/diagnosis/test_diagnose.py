"""Every cause by name, and that a proved one is never wrong."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multifleet.core.diagnosis.causes import FAULTS, Cause, Confidence
from multifleet.core.diagnosis.diagnose import diagnose
from multifleet.core.diagnosis.evidence import (
    Asked,
    Connect,
    Evidence,
    Greeting,
    Heard,
    Knock,
    Lying,
    NatsWord,
    PeerWord,
    Store,
    ThirdWord,
)
from multifleet.core.diagnosis.fact_names import Fact
from multifleet.core.diagnosis.facts import read
from multifleet.core.diagnosis.rules import EXCLUDES, PROOFS, RULES, SHOWN, causes, is_proved
from tests.core.diagnosis.diagnosed_world import MINE, NEW, OLD, TOPOLOGIES, World, possible

C, P, L = Cause, Confidence.PROVED, Confidence.LIKELY

NOISE = ("knock", "again", "greeting", "ping", "http", "ssh", "relay", "word", "store", "offset", "listens", "back")
NOISE += ("large", "third", "others", "nats", "new")

thirds = st.tuples(
    st.builds(
        ThirdWord,
        node=st.just("c"),
        heard=st.sampled_from(Heard),
        seconds=st.none() | st.just(1.0),
        address=st.sampled_from(("", OLD, NEW)),
        answers=st.none() | st.booleans(),
        stranger=st.booleans(),
    )
)
worlds = st.builds(
    World,
    faults=st.frozensets(st.sampled_from(sorted(FAULTS)), max_size=3),
    topology=st.sampled_from(TOPOLOGIES),
    refused=st.booleans(),
    towards_us=st.booleans(),
    revoked_there=st.booleans(),
    full_here=st.booleans(),
    nats_here=st.booleans(),
    announced=st.booleans(),
    lying=st.none() | thirds,
    lost=st.frozensets(st.sampled_from(NOISE), max_size=6),
    failures=st.integers(0, 9),
    uptime=st.sampled_from((1.0, 1_000.0)),
    heard_before=st.booleans(),
    own=st.sampled_from(((), (MINE,))),
)


@given(worlds)
@settings(max_examples=1_000)
def test_what_is_called_proved_is_so_whatever_was_lost_and_whoever_lied(world: World) -> None:
    found = diagnose(world.evidence())
    for one in causes(read(world.evidence()).keys()):
        assert one.confidence is not P or one.cause in world.truths
    assert found.confidence is not P or found.cause in world.truths


@given(worlds, thirds)
@settings(max_examples=300)
def test_no_word_of_a_third_member_makes_anything_proved(world: World, said: tuple[ThirdWord, ...]) -> None:
    evidence = replace(world.evidence(), third=())
    proved = {one.cause for one in causes(read(evidence).keys()) if one.confidence is P}
    with_word = {one.cause for one in causes(read(replace(evidence, third=said)).keys()) if one.confidence is P}
    assert with_word == proved


def single(cause: Cause, topology: str) -> World:
    return World(frozenset({cause}), topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nine_of_ten_single_faults_are_named(topology: str) -> None:
    named = {cause: diagnose(single(cause, topology).evidence()).cause for cause in possible(topology)}
    right = [cause for cause, said in named.items() if said is cause]
    assert len(right) >= 0.9 * len(named), named


@pytest.mark.parametrize(
    ("world", "cause", "confidence"),
    [
        (World(frozenset({C.DAEMON_DOWN}), TOPOLOGIES[1]), C.DAEMON_DOWN, P),  # `receive` there says so itself
        (World(frozenset({C.DAEMON_DOWN}), TOPOLOGIES[1], lost=frozenset({"word"})), C.DAEMON_DOWN, L),
        (World(frozenset({C.DAEMON_DOWN}), TOPOLOGIES[1], announced=False, lost=frozenset({"word"})), C.DAEMON_DOWN, L),
        (World(frozenset({C.DAEMON_DOWN})), C.DAEMON_DOWN, L),
        (World(frozenset({C.DAEMON_DOWN}), announced=False), C.DAEMON_DOWN, L),
        (World(frozenset({C.ASLEEP})), C.ASLEEP, L),  # it may have woken since, somewhere else
        (World(frozenset({C.ASLEEP}), announced=False), C.UNKNOWN, Confidence.UNKNOWN),
        (World(frozenset({C.ASLEEP}), TOPOLOGIES[2], refused=True), C.ASLEEP, L),  # it is a firewall that refuses
        (World(frozenset({C.ADDRESS_CHANGED})), C.ADDRESS_CHANGED, L),
        (World(frozenset({C.ADDRESS_CHANGED}), lost=frozenset({"third"})), C.ADDRESS_CHANGED, L),  # it is heard here
        (World(frozenset({C.PORT_BLOCKED}), TOPOLOGIES[1]), C.PORT_BLOCKED, P),
        (World(frozenset({C.PORT_BLOCKED}), TOPOLOGIES[1], refused=True, failures=0), C.PORT_BLOCKED, P),
        (World(frozenset({C.PORT_BLOCKED}), TOPOLOGIES[1], failures=0), C.PORT_BLOCKED, L),  # or packets were lost
        (World(frozenset({C.PORT_BLOCKED}), TOPOLOGIES[1], uptime=1.0), C.PORT_BLOCKED, L),  # or it was down meanwhile
        (World(frozenset({C.PORT_BLOCKED}), towards_us=True), C.PORT_BLOCKED, P),
        (World(frozenset({C.PORT_BLOCKED}), towards_us=True, own=()), C.NONE, L),
        (World(frozenset({C.PORT_BLOCKED})), C.PORT_BLOCKED, L),
        (World(frozenset({C.MTU_BLACK_HOLE})), C.MTU_BLACK_HOLE, P),
        (World(frozenset({C.KEY_CHANGED})), C.KEY_CHANGED, L),
        (World(frozenset({C.REVOKED})), C.REVOKED, P),
        (World(frozenset({C.REVOKED}), revoked_there=True), C.REVOKED, L),
        (World(frozenset({C.CLOCK_OFF})), C.CLOCK_OFF, P),
        (World(frozenset({C.DISK_FULL})), C.DISK_FULL, P),
        (World(frozenset({C.DISK_FULL}), full_here=True), C.DISK_FULL, P),
        (World(frozenset({C.NATS_DOWN})), C.NATS_DOWN, L),
        (World(frozenset({C.NATS_DOWN}), nats_here=True), C.NATS_DOWN, P),
        (World(frozenset({C.CHIEF_DOWN}), TOPOLOGIES[2]), C.CHIEF_DOWN, L),
        (World(frozenset({C.HOST_KEY_CHANGED}), TOPOLOGIES[1]), C.HOST_KEY_CHANGED, P),
        (World(frozenset({C.VERSION_MISMATCH})), C.VERSION_MISMATCH, L),
        (World(frozenset({C.CUT_OFF})), C.CUT_OFF, L),
        (World(frozenset()), C.NONE, L),
        (World(frozenset({C.CLOCK_OFF, C.PORT_BLOCKED}), TOPOLOGIES[1]), C.PORT_BLOCKED, P),
        (World(frozenset({C.DISK_FULL, C.CLOCK_OFF})), C.DISK_FULL, P),  # the clock stops nothing
    ],
)
def test_each_fault_is_called_by_its_name_and_no_surer_than_it_is(
    world: World, cause: Cause, confidence: Confidence
) -> None:
    found = diagnose(world.evidence())
    assert (found.cause, found.confidence) == (cause, confidence), found


def test_ways_that_are_turned_off_are_part_of_the_sentence_where_nothing_answers() -> None:
    there = Evidence(node="b", knocks=(Knock(OLD, Connect.OPEN, Greeting.OK),), off=("http", "ssh"))
    found = diagnose(there)
    assert (found.cause, found.confidence) == (C.UNKNOWN, Confidence.UNKNOWN)
    assert found.sentence.startswith(
        "No way that is turned on here leads to b, which seems to be there: http, ssh are turned off here"
    )
    assert "out of channels.off in config.json" in found.remedy
    silent_there = replace(there, knocks=(Knock(OLD, Connect.SILENT),), off=("ssh",))
    silent = diagnose(silent_there)
    assert "ssh is turned off here (channels.off)" in silent.sentence and "channels.off" in silent.remedy
    named = diagnose(replace(there, knocks=(Knock(OLD, Connect.REFUSED),)))
    assert named.cause is C.DAEMON_DOWN
    assert named.sentence.endswith("http, ssh are turned off here (channels.off).")
    assert "channels.off" not in named.remedy  # a daemon that is down answers over none of them
    blocked = diagnose(replace(silent_there, third=(ThirdWord("c", Heard.YES),)))
    assert blocked.cause is C.PORT_BLOCKED and "; or take a way out of channels.off" in blocked.remedy


def test_ways_that_are_turned_off_are_mere_evidence_where_another_one_answers_or_none_could() -> None:
    answers = diagnose(Evidence(node="b", asked=(Asked("nats", answered=True),), off=("http",)))
    assert answers.cause is C.NONE and "turned off" not in answers.sentence + answers.remedy
    assert "http is turned off here (channels.off)" in answers.evidence
    gone = diagnose(Evidence(node="b", out="revoked", off=("http",)))
    assert "turned off" not in gone.sentence + gone.remedy


def test_a_direct_way_that_is_turned_off_is_no_black_hole() -> None:
    word = PeerWord("nats", running=True, uptime=99.0)
    asked = (Asked("nats", answered=True), Asked("relay", answered=False, words="there is no third machine"))
    evidence = Evidence(node="b", knocks=(Knock(OLD, Connect.OPEN, Greeting.OK),), asked=asked, word=word)
    assert diagnose(evidence).cause is C.MTU_BLACK_HOLE
    assert diagnose(replace(evidence, off=("http",))).cause is C.NONE


def test_what_the_peer_has_not_fetched_is_told_with_its_place_and_since_when() -> None:
    lying = (Lying("by git: git.example", 2, 7_300.0), Lying("by seed: drop/ of b", 1, 5.0))
    found = diagnose(Evidence(node="b", lying=lying))
    words = "2 messages, sent by git: git.example, not fetched for 2 h; a message, sent by seed: drop/ of b"
    assert any(words in said for said in found.evidence) and words in found.sentence


def test_a_moved_peer_is_proved_to_have_moved_once_it_answers_where_it_says_it_is() -> None:
    word = PeerWord("relay", running=True, uptime=99.0, addresses=(NEW,), listens=(NEW,), offset=0.1)
    evidence = Evidence(node="b", knocks=(Knock(OLD, Connect.SILENT),), looked_for=8.0, word=word)
    assert diagnose(evidence).confidence is L
    answered = replace(evidence, new_address_answers=NEW, word=replace(word, store="ok"))
    assert diagnose(answered).confidence is P
    still_there = replace(answered, word=replace(answered.word, addresses=(NEW, OLD)))  # both are its own
    assert diagnose(still_there).cause is not C.ADDRESS_CHANGED or diagnose(still_there).confidence is L


def test_a_sentence_says_what_is_wrong_how_sure_that_is_and_how_it_is_known() -> None:
    proved = diagnose(World(frozenset({C.DISK_FULL})).evidence())
    assert (
        proved.sentence == "B has no room on its disk and takes nothing: its own signed word by http: its disk is full."
    )
    likely = diagnose(World(frozenset({C.DAEMON_DOWN})).evidence())
    assert likely.sentence.startswith("Most likely no daemon answers on b") and "signed that" in likely.sentence
    assert "multifleet up" in likely.remedy
    out = diagnose(World(frozenset({C.REVOKED}), revoked_there=True).evidence())
    assert out.sentence.startswith("Most likely b takes this machine for one that is put out of the fleet")
    silent = diagnose(Evidence(node="b", knocks=(Knock(OLD, Connect.SILENT),)))
    assert silent.cause is C.UNKNOWN and f"TCP {OLD}: no answer" in silent.sentence


def test_the_evidence_names_first_what_names_the_cause() -> None:
    found = diagnose(World(frozenset({C.CLOCK_OFF})).evidence())
    assert "600" in found.evidence[0] or "10 min" in found.evidence[0]
    assert len(found.evidence) == len(set(found.evidence)) > 3


def test_a_direct_way_that_was_not_tried_is_no_black_hole() -> None:
    word = PeerWord("relay", running=True, uptime=99.0, store=Store.OK, offset=0.1)
    found = Evidence(
        node="b",
        knocks=(Knock(OLD, Connect.OPEN, Greeting.OK),),
        looked_for=8.0,
        pinged=True,
        asked=(Asked("relay", True),),
        word=word,
    )
    assert diagnose(found).cause is C.NONE
    tried = replace(found, asked=(Asked("relay", True), Asked("http", False, words="no answer")))
    assert diagnose(tried).cause is C.MTU_BLACK_HOLE


def test_a_server_that_is_down_is_not_the_cause_where_nothing_else_leads_there_either() -> None:
    gone = replace(World(frozenset({C.NATS_DOWN}), nats_here=True).evidence(), asked=(), word=None, sizes=None)
    gone = replace(gone, knocks=(Knock(OLD, Connect.SILENT),), third=(), pinged=False, heard=None)
    assert diagnose(gone).cause is C.UNKNOWN


def test_only_what_a_table_says_can_prove() -> None:
    heard_of = {Fact.OTHERS_HEAR, Fact.OTHERS_DO_NOT, Fact.OTHERS_HEAR_ELSEWHERE, Fact.OTHERS_STRANGERS}
    said_once = {Fact.SAID_ASLEEP, Fact.SAID_STOPPED, Fact.OTHER_KEY_SHOWN}
    used = {*SHOWN, *EXCLUDES, *(fact for ways in PROOFS.values() for way in ways for fact in way)}
    assert not used & (heard_of | said_once)
    assert not is_proved(C.ASLEEP, frozenset(Fact) - {f for f, c in SHOWN.items() if c is C.ASLEEP})
    for cause, ways in PROOFS.items():
        for way in ways:
            assert not is_proved(cause, way - {next(iter(way))})


def test_every_fault_has_a_rule() -> None:
    assert {rule.cause for rule in RULES} == FAULTS


@pytest.mark.parametrize(
    ("evidence", "port", "there"),
    [
        (Evidence(node="b", knocks=(Knock("10.0.0.2:8862", Connect.SILENT),), ssh=Connect.OPEN), "8862", "there"),
        (World(frozenset({C.PORT_BLOCKED}), towards_us=True).evidence(), "8855", "of this machine"),
    ],
)
def test_a_port_that_is_blocked_is_told_with_its_number_and_its_side(evidence: Evidence, port: str, there: str) -> None:
    found = diagnose(evidence)
    assert found.cause is C.PORT_BLOCKED
    assert found.remedy == f"let TCP and UDP port {port} through the firewall {there} and in between"


def test_a_daemon_that_takes_connections_and_says_nothing_hangs_and_is_ended_where_it_is() -> None:
    found = diagnose(Evidence(node="b", knocks=(Knock(OLD, Connect.OPEN, Greeting.MUTE),), state="dead"))
    assert (found.cause, found.confidence) == (C.DAEMON_DOWN, L)
    assert found.sentence.startswith("Most likely the daemon on b hangs: it takes connections and answers nothing: ")
    assert "multifleet repair --local daemon" in found.remedy and "multifleet up" not in found.remedy


@pytest.mark.parametrize(
    ("nats", "says", "names"),
    [
        (NatsWord("10.0.0.3:80", Connect.OPEN, fault="empty response", configured=True), "empty response", "natsUrl"),
        (NatsWord("10.0.0.3:80", Connect.REFUSED, fault="refused", configured=True), "refused", "natsUrl"),
        (NatsWord("10.0.0.3:1", Connect.OPEN, True, fault="no login", configured=True), "no login", "natsUrl"),
        (NatsWord("127.0.0.1:1", Connect.OPEN, here=True, fault="the server does not answer"), "not answer", "start"),
    ],
)
def test_a_nats_server_that_is_none_is_told_beside_ways_that_work(nats: NatsWord, says: str, names: str) -> None:
    found = diagnose(replace(World(frozenset()).evidence(), nats=nats))
    assert (found.cause, found.confidence) == (C.NATS_DOWN, L)
    assert says in found.sentence and names in found.remedy


def test_a_nats_server_that_wants_tls_at_once_and_has_this_machine_is_no_fault() -> None:
    found = diagnose(replace(World(frozenset()).evidence(), nats=NatsWord("10.0.0.3:4222", Connect.OPEN)))
    assert found.cause is C.NONE


def test_a_way_that_brings_no_answer_is_told_where_another_one_does() -> None:
    asked = (Asked("http", answered=True, seconds=0.01), Asked("relay", answered=False, words="no answer in 5 s"))
    found = diagnose(Evidence(node="b", asked=asked))
    assert found.sentence == (
        "b answers, though not by every way: no answer over relay: no answer in 5 s; "
        "it answers over http, signed, in 10 ms."
    )


def test_settings_of_this_machine_that_do_not_work_are_told_where_nothing_answers() -> None:
    own = ("git.remote: /nope.git: No such file or directory",)
    there = Evidence(node="b", knocks=(Knock(OLD, Connect.OPEN, Greeting.OK),), off=("http",), own_faults=own)
    assert own[0] in diagnose(there).sentence
    assert own[0] in diagnose(replace(there, knocks=(Knock(OLD, Connect.REFUSED),))).sentence
    answers = diagnose(replace(there, asked=(Asked("nats", answered=True),)))
    assert own[0] not in answers.sentence and any(own[0] in said for said in answers.evidence)


def test_addresses_that_may_not_be_tried_are_told_with_what_to_write() -> None:
    found = diagnose(Evidence(node="b", not_tried=("127.0.0.1:8862",)))
    assert "it names itself by 127.0.0.1:8862 alone" in found.sentence
    assert '{"nodes": {"b": {"host": "127.0.0.1", "port": 8862}}}' in found.remedy
