"""The parts of the documentation that are printed from the code, each between two markers of its own name.

<!-- printed: NAME -->
...
<!-- end of NAME -->
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf

import msgspec

from multifleet.config import BudgetSettings, ChannelSettings, Chief, CloudSettings, Config, GitSettings, NodeEntry
from multifleet.core import (
    backoff,
    cascade,
    channel_state,
    evidence_packets,
    frame,
    nats_packets,
    packets,
    receipts,
    relay_packets,
    relay_quota,
    repairs,
    replay,
    routing,
    session_cards,
    ssh_packets,
    strict,
    wake_packets,
)
from multifleet.core import invite as invitations
from multifleet.core import ladder as repair_rungs
from multifleet.core.asks import Ask, Told
from multifleet.core.card import Card, SignedCard
from multifleet.core.documents import REASON_LIMIT, TEXT_LIMIT, Admission, Leave, Revocation, Signed, Stop
from multifleet.core.inbox_share import SHARE
from multifleet.core.packets import Answer, Message, PacketAnswer, Request, RosterAsk, RosterTell, Statement
from multifleet.core.presence import engine as presence_engine
from multifleet.core.presence import (
    favours,
    gossip,
    introductions,
    peer,
    rtt,
    rumors,
    speech,
    suspicion,
    talk,
    watch,
    watching,
)
from multifleet.core.presence import states as presence_states
from multifleet.core.presence.gossip import Document, Facts, Gossip, Rumor
from multifleet.core.shelf import DOCUMENTS, ROOM
from scripts.example_fleet import picture
from scripts.field_docs import FieldDoc, fields_of
from scripts.vectors import vectors

_BEGIN = re.compile(r"<!-- printed: ([a-z-]+) -->\n")


def with_printed(text: str) -> str:
    """The document with all its printed parts as they should be; KeyError for a marker that nothing prints."""
    done, at = [], 0
    while begin := _BEGIN.search(text, at):
        end = text.index(f"<!-- end of {begin[1]} -->", begin.end())
        done += [text[at : begin.end()], PARTS[begin[1]]().rstrip("\n"), "\n"]
        at = end
    return "".join(done) + text[at:]


def refusals() -> str:
    """The table of refusals, in the order of the checks."""
    return table(
        ("", "refusal", "status", "signed", "when"),
        (
            (str(place), f"`{refusal}`", str(facts.status), "yes" if facts.signed else "no", facts.when)
            for place, (refusal, facts) in enumerate(frame.REFUSALS.items(), 1)
        ),
    )


def ladder() -> str:
    """The receipt ladder."""
    return table(
        ("rung", "stated by", "on the evidence of"),
        ((f"`{rung.state}`", rung.by, rung.evidence) for rung in receipts.LADDER),
    )


def repair_ladder() -> str:
    """The repair ladder."""

    def wait(seconds: float) -> str:
        return "-" if seconds in (0.0, inf) else f"{seconds:g} s"

    return table(
        ("rung", "what is done", "then, where somebody took it up, this long", "not before", "counts"),
        (
            (rung.level, rung.does, wait(rung.wait), wait(rung.not_before), "yes" if rung.is_escalation else "no")
            for rung in repair_rungs.LADDER
        ),
    )


def repair_table() -> str:
    """What the target of a repair does."""
    rows = ((f"`{name}`", ", ".join(made)) for name, made in repairs.REPAIRS.items() if routing.CHANNELS[name].priority)
    return table(("channel", "what its target does"), rows)


def limits() -> str:
    """The numbers that both ends must agree on."""
    rows = [
        ("a frame", f"{frame.FRAME_LIMIT} bytes"),
        ("a message's body", f"{packets.BODY_LIMIT} bytes of UTF-8"),
        ("packets in one request", f"{packets.BATCH_LIMIT}, and {packets.BATCH_BYTES} bytes in all"),
        ("statements in one frame", f"{packets.LOG_LIMIT}"),
        ("a statement's detail", f"{packets.DETAIL_LIMIT} characters"),
        ("the lifetime of a message", f"{packets.EXPIRES_LIMIT // 86_400} days"),
        ("`sent` against the replay clock", f"{frame.WINDOW} s either way"),
        ("an answer whose time is believed", f"back within {replay.OFFSET_ANSWER_LIMIT:g} s"),
        ("a join code", f"{invitations.INVITE_LIFETIME / 60:g} minutes"),
        ("a document of the roster", f"{TEXT_LIMIT} bytes, a revocation's reason {REASON_LIMIT} characters"),
        ("documents in one frame", f"{packets.DOCUMENTS_LIMIT}, and {packets.DOCUMENTS_BYTES} bytes in all"),
        ("documents of the roster", f"{DOCUMENTS} of each kind, and {ROOM >> 20} MiB"),
        ("one sender's messages in an inbox", f"{SHARE >> 20} MiB"),
        (
            "one sender's frames at a relay",
            f"{relay_quota.SENDER_FRAMES}, and {relay_quota.SENDER_BYTES >> 20} MiB; "
            f"{relay_quota.ALL_BYTES >> 20} MiB of all together",
        ),
        ("a frame in a frame", f"{relay_packets.INNER_LIMIT} bytes"),
        ("nesting of JSON", f"{strict.DEPTH_LIMIT}"),
        (
            "elements, lists and objects, keys in one object",
            f"{strict.ELEMENT_LIMIT}, {strict.CONTAINER_LIMIT}, {strict.KEY_LIMIT}",
        ),
        ("an integer of JSON", f"{strict.INTEGER_DIGITS} digits"),
    ]
    return table(("what", "limit"), rows)


def race() -> str:
    """The numbers of the race between channels and of the retries."""
    rows = [
        ("a second raced channel starts after", f"twice the 95th percentile of the running one's round trips, "
         f"{cascade.HEDGE_AT_LEAST * 1000:g} ms to {cascade.KEPT_AFTER:g} s; without a history "
         f"{cascade.HEDGE_UNKNOWN * 1000:g} ms"),
        ("all raced channels start after",
         f"{cascade.KEPT_AFTER:g} s of silence from the first, {cascade.DOUBTED_AFTER:g} s where it has just failed"),
        ("the kept channels start after",
         f"as long, and {cascade.OTHERS_FIRST:g} s more where there are other raced ones"),
        ("a channel breaks after", f"{channel_state.FAILURES_TO_BREAK} failures in a row"),
        ("a degraded channel is trusted again after", f"{channel_state.QUIET_AFTER / 60:g} quiet minutes"),
        ("a channel that failed is probed after",
         f"{channel_state.PROBE_FIRST:g} s, doubled up to {channel_state.PROBE_CAP:g} s while it is broken"),
        ("a failed delivery is tried again after", f"{backoff.FIRST:g} s, doubled up to {backoff.CAP_HEARD:g} s "
         f"while the peer is heard and to {backoff.CAP_SILENT:g} s otherwise; half of it is random"),
    ]  # fmt: skip
    return table(("what", "when"), rows)


def states() -> str:
    """The diagram of channel states, as GitHub draws it."""
    return f"```mermaid\n{channel_state.mermaid()}```\n"


def presence() -> str:
    """The numbers by which nodes watch each other."""
    rows = [
        ("one ping is sent in each", "period, `heartbeatSeconds` ± 10 %"),
        ("a ping is unanswered after", f"SRTT + 4 RTTVAR (RFC 6298), {rtt.LEAST:g} to {rtt.MOST:g} s"),
        ("then it is repeated every", f"{watch.REPEAT:g} s, to all addresses"),
        ("q, the share of pings that living peers leave unanswered",
         f"measured over about {suspicion.MEMORY:g} pings, with one standard deviation on top; "
         f"{suspicion.LEAST_SHARE:g} to {suspicion.MOST_SHARE:g}, "
         f"and at most {suspicion.UNKNOWN_SHARE:g} while none was lost"),
        ("m, suspect after", f"the least m with N·q^m ≤ {suspicion.FALSE_ALARMS:g}, "
         f"at least {suspicion.LEAST_TO_SUSPECT}"),
        ("r, dead after", f"the least r with q^r ≤ {suspicion.FALSE_DEATH:g}, at least {suspicion.LEAST_TO_BURY}, "
         "and an HTTP request meanwhile"),
        ("others are asked to ping it", f"{favours.HELPERS} at a time, again after each {watching.ASK_EVERY} pings"),
        ("what is new is passed on at once to", f"{talk.FANOUT} others at random, and rides on "
         f"{rumors.SPREAD}·log2 N packets"),
        ("a suspicion of the same node is looked at",
         f"every {talk.ACCUSED_EVERY:g} s, and again once it refuted the last one"),
        ("suspicions that one member may spread in vain",
         f"{peer.CREDIT}, one more every {peer.CREDIT_BACK:g} s"),
        ("facts go to the same peer at most every", f"{speech.FACTS_EVERY:g} s, of more than {speech.MANY} nodes "
         f"{speech.FACTS_EVERY_AMONG_MANY:g} s"),
        ("besides, facts go", "with the first answer to each boot, and, of at most "
         f"{speech.MANY} nodes, at once to who is new"),
        ("where version, branch or sessions change, facts go", f"at once to all of at most {speech.MANY} nodes; "
         f"{introductions.NEWS} times, and once more every {introductions.NEWS_BACK:g} s"),
        ("one of the dead or asleep is tried every", f"{presence_engine.GONE_EVERY} periods"),
        ("a tick that is later than this clears all doubts", f"{presence_engine.LATE:g} s"),
        ("a packet has at most", f"{gossip.PACKET_LIMIT} bytes, a document in it {gossip.DOCUMENT_LIMIT}"),
    ]  # fmt: skip
    return table(("what", "value"), rows)


def fields(struct: type[msgspec.Struct]) -> Callable[[], str]:
    """A table of a packet's fields."""
    return lambda: table(("field", "shape", "where absent", "meaning"), map(_field_row, fields_of(struct)))


def settings(struct: type[msgspec.Struct]) -> Callable[[], str]:
    """A table of settings."""
    return lambda: table(
        ("name", "value", "default", "meaning"),
        ((f"`{f.name}`", f.shape, f.default or "required", f.about or "-") for f in fields_of(struct)),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _field_row(field: FieldDoc) -> tuple[str, str, str, str]:
    return (
        f"`{field.name}`",
        field.shape,
        "refused" if field.required else field.default,
        field.about or "-",
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "status": picture,
    "refusals": refusals,
    "ladder": ladder,
    "limits": limits,
    "channels": routing.channels_table,
    "routes": routing.routes_table,
    "channel-states": states,
    "race": race,
    "request": fields(Request),
    "message": fields(Message),
    "answer": fields(Answer),
    "packet-answer": fields(PacketAnswer),
    "statement": fields(Statement),
    "roster-ask": fields(RosterAsk),
    "roster-tell": fields(RosterTell),
    "repair-ladder": repair_ladder,
    "repairs": repair_table,
    "repair-ask": fields(repairs.RepairAsk),
    "repair-told": fields(repairs.RepairTold),
    "ask": fields(Ask),
    "told": fields(Told),
    "evidence-ask": fields(evidence_packets.EvidenceAsk),
    "evidence-told": fields(evidence_packets.EvidenceTold),
    "sight-told": fields(evidence_packets.SightTold),
    "sessions-told": fields(session_cards.SessionsTold),
    "session-card": fields(session_cards.SessionCard),
    "nats-told": fields(nats_packets.NatsTold),
    "ssh-told": fields(ssh_packets.SshTold),
    "wake-ask": fields(wake_packets.WakeAsk),
    "wake-told": fields(wake_packets.WakeTold),
    "relay-put": fields(relay_packets.RelayPut),
    "relay-took": fields(relay_packets.RelayTook),
    "relay-poll": fields(relay_packets.RelayPoll),
    "relay-gives": fields(relay_packets.RelayGives),
    "relay-pass": fields(relay_packets.RelayPass),
    "relay-held": fields(relay_packets.Held),
    "relay-taken": fields(relay_packets.Taken),
    "gossip": fields(Gossip),
    "facts": fields(Facts),
    "rumor": fields(Rumor),
    "document": fields(Document),
    "presence": presence,
    "presence-states": lambda: f"```mermaid\n{presence_states.mermaid()}```\n",
    "card": fields(Card),
    "signed-card": fields(SignedCard),
    "signed": fields(Signed),
    "admission": fields(Admission),
    "revocation": fields(Revocation),
    "leave": fields(Leave),
    "stop": fields(Stop),
    "settings": settings(Config),
    "node-settings": settings(NodeEntry),
    "cloud-settings": settings(CloudSettings),
    "chief-settings": settings(Chief),
    "channel-settings": settings(ChannelSettings),
    "git-settings": settings(GitSettings),
    "budget-settings": settings(BudgetSettings),
    "vectors": lambda: f"```json\n{vectors()}\n```\n",
}
"""What is printed, by the name in its markers."""
