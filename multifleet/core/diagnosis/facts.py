"""What evidence shows: each fact that the rules know, read from the evidence, with the words that a person is shown.

A fact says no more than what was seen or signed. What was not tried gives no fact, and so proves and excludes nothing.
"""

from collections.abc import Iterator

from multifleet.core.address import host_of
from multifleet.core.diagnosis.evidence import (
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
from multifleet.core.replay import LOOSE, MOVED
from multifleet.core.visible import visible

CLOCK_CERTAIN = 10.0
"""Seconds of a difference that no slow answers can feign, be it the one that was kept or the one that did not replace
it."""
assert CLOCK_CERTAIN > MOVED + 2 * LOOSE
FAILED_OFTEN = 6
"""Failures in a row after which lost packets alone do not explain that nothing answers: of six attempts with 30 % loss
one in some ten thousand fails each time."""
WORDS = 200
"""Characters of a channel's own words."""
ROUNDS = 3
"""Large questions of which none, and small ones of which each, was answered, before sizes prove anything."""
F = Fact


def read(evidence: Evidence) -> dict[Fact, str]:
    """Every fact, in the order in which they are told, with its words."""
    return dict(_facts(evidence))


def _facts(e: Evidence) -> Iterator[tuple[Fact, str]]:
    yield from _records(e)
    yield from _presence(e)
    yield from _knocks(e)
    yield from _asked(e)
    if e.word is not None:
        yield from _word(e, e.word)
    if e.new_address_answers:
        yield F.NEW_ADDRESS_ANSWERS, f"it answers at {e.new_address_answers}, where it was not looked for before"
    yield from _sizes(e)
    yield from _third(e)
    yield from _around(e)


def _records(e: Evidence) -> Iterator[tuple[Fact, str]]:
    if e.out in ("revoked", "orphaned", "disputed"):
        yield F.PEER_OUT, f"the roster here, signed by captains, says that {e.node} is {e.out}"
    elif e.out:
        yield F.PEER_LEFT, f"{e.node} signed that it left the fleet"
    if e.me_out:
        yield F.ME_OUT, f"the roster here, signed by captains, says that this machine is {e.me_out}"
    if e.store is Store.FULL:
        yield F.OWN_DISK_FULL, "this machine cannot write its own store: the disk is full"
    elif e.store is not Store.OK:
        yield F.OWN_STORE_BROKEN, "this machine cannot write its own store"
    if e.other_key_shown:
        yield F.OTHER_KEY_SHOWN, f"a machine that calls itself {e.node} asked to be let in with another key"
    if e.new_key:
        yield F.NEW_KEY, f"the roster gave the name {e.node} to another key lately"


def _is_heard(e: Evidence) -> bool:
    """Whether it was heard since the look at it began."""
    return e.heard is not None and e.heard <= e.lasted


def _presence(e: Evidence) -> Iterator[tuple[Fact, str]]:
    if _is_heard(e):
        ago = f"{e.node} was heard {e.heard or 0.0:.0f} s ago"
        yield F.HEARD_NOW, ago + (f" from {e.heard_from}" if e.heard_from else "")
    elif e.state == "asleep":
        yield F.SAID_ASLEEP, f"{e.node} signed that it goes to sleep, and was not heard since"
    elif e.said_stopped:
        yield F.SAID_STOPPED, f"{e.node} signed that its daemon stops, and was not heard since"
    known = {host_of(knock.address) for knock in e.knocks}
    if _is_heard(e) and e.heard_from and known and host_of(e.heard_from) not in known:
        yield F.HEARD_ELSEWHERE, f"what it sends comes here from {host_of(e.heard_from)}, where it was not looked for"
    if e.pinged:
        yield F.PING_ANSWERED, "it answers UDP pings"


def _knocks(e: Evidence) -> Iterator[tuple[Fact, str]]:
    if e.not_tried and not e.knocks:
        there = "loopback addresses that others name lead to this machine itself and are not tried"
        yield F.NO_ADDRESS, f"it names itself by {', '.join(e.not_tried)} alone: {there}"
    if not e.knocks:
        return
    tried = ", ".join(f"{knock.address}: {_end(knock)}" for knock in e.knocks)
    if any(knock.end is Connect.OPEN for knock in e.knocks):
        yield F.OPEN, f"TCP {tried}"
        greetings = {knock.greeting for knock in e.knocks if knock.end is Connect.OPEN}
        if greetings == {Greeting.MUTE}:
            yield F.MUTE, "whoever takes the connection says nothing"
        if greetings == {Greeting.ELSE}:
            yield F.ELSE, "something else than multifleet answers there"
        return
    yield F.FAILS, f"TCP {tried}"
    if any(knock.end is Connect.REFUSED for knock in e.knocks):
        yield F.REFUSED, "somebody refuses the connection at once"
    else:
        yield F.SILENT, "nobody answers there"
    again = {knock.address for knock in e.knocks_again if knock.end is not Connect.OPEN}
    answers = any(asked.answered and asked.channel == "http" for asked in e.asked)
    if e.knocks_again and len(again) == len(e.knocks_again) and not answers:
        ends = {knock.end for knock in (*e.knocks, *e.knocks_again)}
        if e.failures >= FAILED_OFTEN or ends == {Connect.REFUSED}:
            yield F.FAILS_SURELY, "the same once more after its own word had come"


def _asked(e: Evidence) -> Iterator[tuple[Fact, str]]:
    for asked in e.asked:
        if asked.answered and asked.channel == "http":
            yield F.HTTP_ANSWERS, f"it answers over http, signed, in {asked.seconds * 1000:.0f} ms"
        elif asked.answered:
            yield F.OTHER_WAY_ANSWERS, f"it answers over {asked.channel}, signed"
        if asked.refusal in ("bad_schema", "not_strict", "not_sealed"):
            yield F.NOT_UNDERSTOOD, f"it signed that it does not understand our frames ({asked.refusal})"
        if asked.refusal == "outside_window":
            yield F.OUTSIDE_WINDOW, "it signed that our frames are out of its time"
        if asked.refusal == "store_unavailable":
            yield F.CANNOT_WRITE, "it signed that it cannot write what it is given"
    if {asked.channel for asked in e.asked if asked.answered} == {"ssh"}:
        yield F.LOGIN_ANSWERS, "what answers over ssh needs no daemon"
    failed = [asked for asked in e.asked if not asked.answered]
    if failed:
        words = [f"{asked.channel}: {visible(asked.words, one_line=True)[:WORDS]}" for asked in failed]
        yield F.CHANNELS_FAIL, f"no answer over {'; '.join(words)}"
    if any(asked.stranger for asked in e.asked) and not any(asked.answered for asked in e.asked):
        yield F.STRANGER, "whoever answers there does not know this node, or not by this key"
        if e.strangers_to:
            yield F.STRANGERS_TO_OTHERS, f"{', '.join(e.strangers_to)} answered this machine as a stranger, too"


def _word(e: Evidence, word: PeerWord) -> Iterator[tuple[Fact, str]]:
    by = f"its own signed word by {word.channel}"
    if not word.running:
        yield F.NO_DAEMON, f"{by}: no daemon runs there"
    elif word.uptime > e.looked_for:
        yield F.RUNNING, f"{by}: its daemon has run for {_span(word.uptime)}"
    match word.store:
        case Store.FULL:
            yield F.PEER_DISK_FULL, f"{by}: its disk is full"
        case Store.READ_ONLY | Store.BROKEN:
            yield F.PEER_STORE_BROKEN, f"{by}: it cannot write its store"
        case Store.OK:
            left = "" if word.disk_free is None else f", {word.disk_free} MB free"
            yield F.PEER_STORE_OK, f"{by}: its store can be written{left}"
    if word.offset is not None and abs(word.offset) >= CLOCK_CERTAIN:
        yield F.CLOCK_DIFFERS, f"its clock is {_span(abs(word.offset))} {'ahead' if word.offset > 0 else 'behind'}"
    elif word.offset is not None:
        yield F.CLOCK_AGREES, "its clock agrees"
    if word.version and word.version != e.version:
        yield F.VERSION_DIFFERS, f"it runs version {word.version}, this machine {e.version}"
    elif word.version:
        yield F.VERSION_SAME, f"it runs the same version, {word.version}"
    yield from _where(e, word)
    if word.reaches not in (None, Connect.OPEN) and set(word.tried) & set(e.own_listens):
        tried = ", ".join(sorted(set(word.tried) & set(e.own_listens)))
        yield F.CANNOT_REACH_US, f"{by}: it does not get through to {tried} here ({word.reaches})"
        if word.reaches is Connect.REFUSED or word.failures >= FAILED_OFTEN:
            yield F.CANNOT_SURELY, "and that is more than lost packets"


def _where(e: Evidence, word: PeerWord) -> Iterator[tuple[Fact, str]]:
    """What its word says of the addresses at which nothing opens."""
    failed = {knock.address for knock in e.knocks if knock.end is not Connect.OPEN}
    if not failed or len(failed) < len(e.knocks):
        return
    listening = failed & set(word.listens)
    if listening:
        yield F.LISTENS_THERE, f"its own signed word: it reaches itself at {', '.join(sorted(listening))}"
        hosts = {host_of(address) for address in listening}
        if _is_heard(e) and host_of(e.heard_from) in hosts:
            yield F.HEARD_FROM_THERE, f"what it sends comes here from {host_of(e.heard_from)}"
    if word.addresses and not failed & set(word.addresses):
        yield F.OTHER_ADDRESS, f"its own signed word: it is at {', '.join(word.addresses)}"


def _sizes(e: Evidence) -> Iterator[tuple[Fact, str]]:
    sizes = e.sizes
    if sizes is None or not sizes.small:
        return
    yield F.SMALL_PASSES, f"{sizes.small} of {sizes.small_of} small questions were answered"
    if sizes.large_of and not sizes.large:
        yield F.LARGE_LOST, f"none of {sizes.large_of} questions of 4 KB was answered"
        if sizes.large_of >= ROUNDS and sizes.small == sizes.small_of >= ROUNDS and sizes.small_after:
            yield F.LARGE_SURELY_LOST, "the small ones were answered before and after"


def _third(e: Evidence) -> Iterator[tuple[Fact, str]]:
    if e.hears_anybody is False:
        yield F.NOBODY_HEARD, "this machine hears no member of the fleet at all"
    if not e.third:
        return
    hearing = [third for third in e.third if third.heard is Heard.YES]
    strangers = [third.node for third in e.third if third.stranger]
    if strangers:
        yield F.OTHERS_STRANGERS, f"it answers {', '.join(strangers)} as strangers, too"
    if not hearing:
        verb = "do" if len(e.third) > 1 else "does"
        yield F.OTHERS_DO_NOT, f"{', '.join(third.node for third in e.third)} {verb} not hear it either"
        return
    yield F.OTHERS_HEAR, "; ".join(f"{third.node} hears it{_ago(third)}" for third in hearing)
    known = {host_of(knock.address) for knock in e.knocks}
    elsewhere = sorted({third.address for third in hearing if third.address and host_of(third.address) not in known})
    if known and elsewhere and all(host_of(third.address) not in known for third in hearing):
        yield F.OTHERS_HEAR_ELSEWHERE, f"they hear it at {', '.join(elsewhere)}, where it was not looked for"


def _around(e: Evidence) -> Iterator[tuple[Fact, str]]:
    ends = [e.ssh, e.chief.end if e.chief else None, e.nats.end if e.nats and not e.nats.here else None]
    if any(end in (Connect.OPEN, Connect.REFUSED) for end in ends):
        yield F.SOMEBODY_ANSWERS, "packets go from here to another machine and back"
    if e.ssh is Connect.OPEN:
        yield F.SSH_OPEN, "its SSH port opens"
    if e.host_key_changed:
        yield F.HOST_KEY_OTHER, "its SSH server shows another host key than the pinned one"
    if e.nats is not None:
        yield from _nats(e.nats)
    if e.chief is not None:
        chief = e.chief
        if chief.carries:
            yield F.CHIEF_CARRIES, f"a way to {e.node} leads over the chief {chief.node}"
        if chief.says_no_daemon:
            yield F.CHIEF_NO_DAEMON, f"the signed word of {chief.node}: no daemon runs there"
        if not chief.there and chief.end is not Connect.OPEN:
            tried = "" if chief.end is None else f" (TCP: {chief.end})"
            yield F.CHIEF_GONE, f"the chief {chief.node} is not heard and does not answer{tried}"
    if e.off:
        yield F.TURNED_OFF, f"{', '.join(e.off)} {'are' if len(e.off) > 1 else 'is'} turned off here (channels.off)"
    if e.own_faults:
        yield F.OWN_FAULTS, f"settings of this machine that do not work: {'; '.join(e.own_faults)}"
    if "http" in e.off:
        yield F.DIRECT_OFF, "the direct way is among those that are turned off"
    if e.lying:
        yield F.LIES, "; ".join(map(_lies, e.lying))
    if not e.ever_direct:
        yield F.NEVER_DIRECT, f"no direct way to {e.node} has ever worked from here"


def _nats(nats: NatsWord) -> Iterator[tuple[Fact, str]]:
    fault = visible(nats.fault, one_line=True)[:WORDS]
    if nats.greets and not (fault and nats.configured):
        yield F.NATS_SPEAKS, f"the NATS server at {nats.at} answers"
        return
    if nats.end is Connect.OPEN:
        if fault:  # without one: a server that wants TLS at once says nothing to a mere connection either
            named = " (natsUrl)" if nats.configured else ""
            yield F.NATS_FAILS, f"over NATS there is no way: at {nats.at}{named} connections open, and then: {fault}"
        return
    if nats.here and nats.end is Connect.REFUSED:
        yield F.NATS_FAILS_HERE, f"the NATS server on this machine, {nats.at}, refuses connections"
    yield F.NATS_FAILS, f"the NATS server at {nats.at} does not answer: {nats.end}"


def _end(knock: Knock) -> str:
    return knock.end.value + (f", /health: {knock.greeting.value}" if knock.greeting else "")


def _lies(lying: Lying) -> str:
    many = f"{lying.messages} messages" if lying.messages > 1 else "a message"
    where = visible(lying.where, one_line=True)[:WORDS]
    return f"{many}, sent {where}, not fetched for {_span(lying.seconds)}"


def _ago(third: ThirdWord) -> str:
    return "" if third.seconds is None else f" ({third.seconds:.0f} s ago)"


def _span(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} s"
