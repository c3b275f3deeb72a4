"""This node's packets: numbered, and filled with what it has to say: facts, rumors, documents, its roster's digest."""

import msgspec

from multifleet.core import packets
from multifleet.core.presence.effects import Effect, Reply, Send
from multifleet.core.presence.gossip import PACKET_LIMIT, Document, Facts, Gossip, Kind, Rumor
from multifleet.core.presence.peer import UNTOLD, Peer
from multifleet.core.presence.ring import Dice
from multifleet.core.presence.rumors import RumorQueue
from multifleet.core.presence.states import PresenceState

FACTS_EVERY, FACTS_EVERY_AMONG_MANY = 3.0, 9.0
"""Seconds after which a peer may be told this node's facts again; the neighbours on the ring would hear them most."""
MANY = 16
"""Up to as many, all are told at once what changed notably; among more, each when its turn comes."""


class Speech:
    """Makes packets and puts them into `out`."""

    def __init__(self, me: str, incarnation: int, dice: Dice, out: list[Effect]) -> None:
        self.me = me
        self.incarnation = incarnation
        self.digest = ""
        self.facts: Facts | None = None
        self.queue = RumorQueue()
        self.nodes = 1
        """How many there are, by which rumors are sent more or less often."""
        self._boot = f"{int(dice() * 2**32):08x}{int(dice() * 2**32):08x}"
        # A random beginning, so that an answer to an earlier boot's ping does not fit one of this boot's.
        self.count = int(dice() * 2**30)
        self._out = out

    def ping(self, peer: Peer, now: float, facts: bool = False) -> int:
        """Ping a peer; the number is what the answer will name."""
        gossip = self._gossip("ping", peer, now, facts=facts, digest=self.digest)
        self._out.append(Send(peer.name, gossip, not peer.boot))
        return gossip.count

    def ping_again(self, peer: Peer) -> int:
        """Ping a peer that did not answer, at all its addresses. Of rumors it is told only that it is suspected, to
        refute that; others would be wasted on it."""
        suspected = [Rumor(word="suspect", about=peer.name, incarnation=peer.incarnation)]
        rumors = suspected if peer.state is PresenceState.SUSPECT else []
        gossip = self._bare("ping", digest=self.digest, rumors=rumors)
        self._out.append(Send(peer.name, gossip, True))
        return gossip.count

    def ping_for(self, asker: str, number: int, peer: Peer, now: float) -> int:
        """Ping a peer on behalf of another."""
        gossip = self._gossip("ping", peer, now, re=number, about=asker)
        self._out.append(Send(peer.name, gossip))
        return gossip.count

    def ack(self, peer: Peer, ping: Gossip, now: float, proof: str = "") -> None:
        """Answer the ping that is being heard. The first answer to each boot carries the facts: it knows none yet."""
        if peer.facts_boot != ping.boot:
            peer.facts_boot, peer.facts_sent_at = ping.boot, UNTOLD
        count, about = ping.count, ping.about
        self._out.append(Reply(peer.name, self._gossip("ack", peer, now, count, about, proof, facts=True)))

    def ask(self, helper: Peer, subject: str, number: int, now: float) -> None:
        """Ask one peer to ping another."""
        self._out.append(Send(helper.name, self._gossip("ask", helper, now, number, subject)))

    def told(self, asker: Peer, subject: str, number: int, proof: str, now: float) -> None:
        """Say that another one answered."""
        self._out.append(Send(asker.name, self._gossip("told", asker, now, number, subject, proof)))

    def news(self, name: str, rumors: list[Rumor], documents: list[Document]) -> None:
        """Pass something on at once."""
        self._out.append(Send(name, self._bare("news", rumors=rumors, documents=documents)))

    def _gossip(
        self,
        kind: Kind,
        peer: Peer,
        now: float,
        re: int = 0,
        about: str = "",
        proof: str = "",
        facts: bool = False,
        digest: str = "",
    ) -> Gossip:
        after = FACTS_EVERY if self.nodes <= MANY else FACTS_EVERY_AMONG_MANY
        told = self.facts if facts and now - peer.facts_sent_at >= after else None
        gossip = self._bare(kind, re, about, proof, told, digest)
        if told:
            peer.facts_sent_at = now
            if len(packets.write(gossip)) > PACKET_LIMIT:
                gossip = msgspec.structs.replace(gossip, facts=None)
        if not len(self.queue) or peer.state is not PresenceState.ALIVE:
            return gossip
        rumors, documents = self.queue.take(PACKET_LIMIT - len(packets.write(gossip)), self.nodes)
        return msgspec.structs.replace(gossip, rumors=rumors, documents=documents)

    def _bare(
        self,
        kind: Kind,
        re: int = 0,
        about: str = "",
        proof: str = "",
        facts: Facts | None = None,
        digest: str = "",
        rumors: list[Rumor] | None = None,
        documents: list[Document] | None = None,
    ) -> Gossip:
        self.count += 1
        return Gossip(
            kind=kind,
            boot=self._boot,
            count=self.count,
            re=re,
            incarnation=self.incarnation,
            digest=digest,
            about=about,
            proof=proof,
            facts=facts,
            rumors=rumors or [],
            documents=documents or [],
        )
