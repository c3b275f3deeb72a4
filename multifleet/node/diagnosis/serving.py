"""Lets other members ask for their diagnoses; what answers them is loaded when somebody asks for the first time."""

from typing import TYPE_CHECKING

from multifleet.core.evidence_packets import EvidenceAsk, EvidenceTold, SightAsk, SightTold
from multifleet.loading import load

if TYPE_CHECKING:
    from multifleet.node.diagnosis.telling import Telling
    from multifleet.node.engine import Engine


class Serving:
    """One for the node."""

    def __init__(self, node: "Engine") -> None:
        self._node = node
        self._telling: Telling | None = None
        node.asking.serve(EvidenceAsk, self._evidence)
        node.asking.serve(SightAsk, self._sight)

    async def _evidence(self, asker: str, ask: EvidenceAsk) -> EvidenceTold:
        return await (await self._loaded()).evidence(asker, ask)

    async def _sight(self, asker: str, ask: SightAsk) -> SightTold:
        return await (await self._loaded()).sight(asker, ask)

    async def _loaded(self) -> "Telling":
        await load("multifleet.node.diagnosis.telling")
        if self._telling is None:
            from multifleet.node.diagnosis.telling import Telling

            self._telling = Telling(self._node)
        return self._telling
