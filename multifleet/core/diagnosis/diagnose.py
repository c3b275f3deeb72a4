"""The diagnosis: the cause, how sure it is, the evidence for it, and one sentence that says all of that."""

from collections.abc import Mapping
from dataclasses import dataclass

from multifleet.core.diagnosis.causes import Cause, Confidence
from multifleet.core.diagnosis.evidence import Connect, Evidence
from multifleet.core.diagnosis.fact_names import Fact
from multifleet.core.diagnosis.facts import read
from multifleet.core.diagnosis.rules import Found, causes

_WHAT = {
    Cause.REVOKED: "{node} is put out of the fleet",
    Cause.LEFT: "{node} has left the fleet",
    Cause.KEY_CHANGED: "{node} has another key than the one that is known here",
    Cause.DISK_FULL: "{node} has no room on its disk and takes nothing",
    Cause.STORE_BROKEN: "{node} cannot write its store and takes nothing",
    Cause.DAEMON_DOWN: "no daemon answers on {node}, while the machine itself is there",
    Cause.ASLEEP: "{node} is asleep",
    Cause.VERSION_MISMATCH: "{node} and this machine run different versions",
    Cause.CLOCK_OFF: "the clocks of {node} and this machine differ",
    Cause.ADDRESS_CHANGED: "{node} is not at the addresses that are known here",
    Cause.MTU_BLACK_HOLE: "large packets to or from {node} are lost on the way, small ones pass: an MTU black hole",
    Cause.PORT_BLOCKED: "connections from here to {node}'s port are blocked on the way",
    Cause.CUT_OFF: "this machine has no network",
    Cause.HOST_KEY_CHANGED: "the SSH host key of {node} is another one than before",
    Cause.NATS_DOWN: "the NATS server is down",
    Cause.CHIEF_DOWN: "the chief is down, over which ways to {node} lead",
}

_REMEDY = {
    Cause.REVOKED: "multifleet roster shows who decided it; it comes back with new keys and a join code",
    Cause.LEFT: "multifleet invite here and multifleet join there let it in again",
    Cause.KEY_CHANGED: "if you set {node} up anew: multifleet revoke {node}, then invite it under a new name; if not, "
    "somebody poses as it",
    Cause.DISK_FULL: "free some space there: what waits is then taken by itself",
    Cause.STORE_BROKEN: "on that machine: multifleet doctor",
    Cause.DAEMON_DOWN: "on {node}: multifleet up; one that crashed, over SSH: multifleet repair {node}",
    Cause.ASLEEP: "multifleet wake {node}; what is sent meanwhile waits",
    Cause.VERSION_MISMATCH: "install the same version of multifleet on both",
    Cause.CLOCK_OFF: "set the clock that is wrong (multifleet doctor compares it with all others): "
    "timedatectl set-ntp true (Linux), sntp -sS time.apple.com (macOS)",
    Cause.ADDRESS_CHANGED: "nothing if it comes back by itself; else name its address in config.json (nodes)",
    Cause.MTU_BLACK_HOLE: "let ICMP through, or make the MTU smaller on the way (ip link set DEV mtu 1280)",
    Cause.PORT_BLOCKED: "let TCP and UDP port {port} through the firewall {there} and in between",
    Cause.CUT_OFF: "look at the cable, the wireless network or the firewall of this machine",
    Cause.HOST_KEY_CHANGED: "if {node} was installed anew, pin its new host key (docs/ssh.md); if not, do not log in",
    Cause.NATS_DOWN: "start the NATS server, or repair the node that runs it; other channels carry meanwhile",
    Cause.CHIEF_DOWN: "multifleet why the chief, and start its daemon there: multifleet up",
    Cause.UNKNOWN: "look whether {node} is switched on and in the network; multifleet wake {node} if it sleeps",
}
_NO_NATS = "the NATS server does not do what a NATS server does"
_NATS_URL = "look what listens where natsUrl in config.json (or $NATS_URL) leads; other channels carry meanwhile"
_NAME_IT = 'name its address in config.json ({{"nodes": {{"{node}": {{"host": "127.0.0.1", "port": {port}}}}}}})'
_HANGS = "the daemon on {node} hangs: it takes connections and answers nothing"
_END_IT = "on {node}: multifleet repair --local daemon; from here, over SSH: multifleet repair {node}"
_MINE = frozenset({Fact.ME_OUT, Fact.OWN_DISK_FULL, Fact.OWN_STORE_BROKEN})
_REACHED = (Fact.HTTP_ANSWERS, Fact.OTHER_WAY_ANSWERS)
_THERE = (Fact.HEARD_NOW, Fact.PING_ANSWERED, Fact.OPEN, Fact.OTHERS_HEAR)
"""Signs that somebody is there who would answer over a way that is turned on."""
_NOT_THERE = (Fact.MUTE, Fact.ELSE, Fact.STRANGER)
_WHATEVER_IS_ON = frozenset({Cause.REVOKED, Cause.LEFT, Cause.CUT_OFF})
"""Causes beside which it does not matter which ways are turned on."""
_NOBODY_LISTENS = frozenset({Cause.DAEMON_DOWN, Cause.ASLEEP})
"""Causes for which a way that is turned on again is no remedy, though mail might wait on it."""
_TURN_ON = "take a way out of channels.off in config.json, then multifleet down, then multifleet up"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a peer, and how that is known."""

    cause: Cause
    confidence: Confidence
    sentence: str
    remedy: str
    evidence: tuple[str, ...]
    """Every fact in words: those that name the cause first."""
    also: tuple[Found, ...] = ()
    """Other causes that fit, or that are there as well."""


def diagnose(evidence: Evidence) -> Diagnosis:
    """What the evidence amounts to."""
    facts = read(evidence)
    found = causes(facts.keys())
    if not found:
        return _without(evidence, facts)
    named, *others = found
    mine = bool(named.by & _MINE)
    first = [facts[fact] for fact in facts if fact in named.by]
    rest = [words for fact, words in facts.items() if fact not in named.by]
    what = _WHAT[named.cause].format(node="this machine" if mine else evidence.node)
    remedy = _remedy(evidence, named)
    if named.cause is Cause.NATS_DOWN and evidence.nats is not None:
        what = _NO_NATS if evidence.nats.end is Connect.OPEN else what
        remedy = _NATS_URL if evidence.nats.configured else remedy
    if named.cause is Cause.DAEMON_DOWN and Fact.MUTE in named.by:
        what, remedy = _HANGS.format(node=evidence.node), _END_IT.format(node=evidence.node)
    if named.cause is Cause.PORT_BLOCKED and Fact.CANNOT_REACH_US in named.by:
        what = f"connections from {evidence.node} to this machine's port are blocked on the way"
    if named.cause is Cause.REVOKED and Fact.STRANGER in named.by:
        what = f"{evidence.node} takes this machine for one that is put out of the fleet"
    told = first
    if _matters(facts) and not mine and named.cause not in _WHATEVER_IS_ON:
        told = [*first, facts[Fact.TURNED_OFF], *([facts[Fact.OWN_FAULTS]] if Fact.OWN_FAULTS in facts else [])]
        remedy = remedy if named.cause in _NOBODY_LISTENS else f"{remedy}; or {_TURN_ON}"
    return Diagnosis(
        cause=named.cause,
        confidence=named.confidence,
        sentence=f"{_sure(named.confidence, what)}: {'; '.join(told)}.",
        remedy=remedy,
        evidence=(*first, *rest),
        also=tuple(others),
    )


def _remedy(evidence: Evidence, named: Found) -> str:
    """What to do about a cause; where a port is closed, which one, and on which side."""
    mine = Fact.CANNOT_REACH_US in named.by
    told = evidence.word.tried if mine and evidence.word is not None else (knock.address for knock in evidence.knocks)
    ports = ", ".join(dict.fromkeys(address.rpartition(":")[2] for address in told))
    there = "of this machine" if mine else "there"
    return _REMEDY[named.cause].format(node=evidence.node, port=ports or "of the daemon", there=there)


def _without(evidence: Evidence, facts: dict[Fact, str]) -> Diagnosis:
    """No fault is known: it answers, or nothing tells why it does not."""
    told = tuple(facts.values())
    reached = [facts[fact] for fact in _REACHED if fact in facts]
    if reached:
        sentence = f"Nothing is wrong that can be seen from here: {'; '.join(reached)}."
        if Fact.CHANNELS_FAIL in facts:
            sentence = f"{evidence.node} answers, though not by every way: {facts[Fact.CHANNELS_FAIL]}; {reached[0]}."
        return Diagnosis(Cause.NONE, Confidence.LIKELY, sentence, "", told)
    is_there = any(fact in facts for fact in _THERE) and not any(fact in facts for fact in _NOT_THERE)
    if _matters(facts) and is_there:
        rest = "; ".join(words for fact, words in facts.items() if fact is not Fact.TURNED_OFF)
        sentence = (
            f"No way that is turned on here leads to {evidence.node}, which seems to be there: "
            f"{facts[Fact.TURNED_OFF]}; {rest}."
        )
        return Diagnosis(Cause.UNKNOWN, Confidence.UNKNOWN, sentence, _TURN_ON, told)
    known = "; ".join(told) or "nothing could be found out"
    sentence = f"{evidence.node} does not answer, and what was found does not tell why: {known}."
    remedy = _REMEDY[Cause.UNKNOWN].format(node=evidence.node)
    if Fact.NO_ADDRESS in facts:
        remedy = _NAME_IT.format(node=evidence.node, port=evidence.not_tried[0].rpartition(":")[2])
    remedy = f"{remedy}; or {_TURN_ON}" if _matters(facts) else remedy
    return Diagnosis(Cause.UNKNOWN, Confidence.UNKNOWN, sentence, remedy, told)


def _matters(facts: Mapping[Fact, str]) -> bool:
    """Whether ways are turned off here while none that is on brings an answer."""
    return Fact.TURNED_OFF in facts and not any(fact in facts for fact in _REACHED)


def _sure(confidence: Confidence, what: str) -> str:
    return what[0].upper() + what[1:] if confidence is Confidence.PROVED else f"Most likely {what}"
