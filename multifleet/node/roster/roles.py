"""Which role the configuration gives a machine: for those that no captain has let in, but the fleet's shared key."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from multifleet.config import Config
from multifleet.core.roster import Anchor


@dataclass(frozen=True, slots=True)
class Roles:
    """As this machine's files have it."""

    config: Config

    @property
    def chief(self) -> str:
        """The configured chief; empty where there is none."""
        return self.config.chief.nodeId if self.config.chief else ""

    def anchor(self, node: str) -> Anchor:
        """A machine as the configuration describes it; a captain where it says nothing."""
        entry = self.config.nodes.get(node)
        if node == self.chief or entry is None:
            return Anchor(node)
        return Anchor(node, "captain" if entry.role in ("chief", "captain") else "worker", entry.chief_eligible)

    def anew(self, anchors: Mapping[str, Anchor]) -> dict[str, Anchor]:
        """Anchors as the files have them now, for the machines whose role they name and nobody else let in.

        An entry may be there for a machine's addresses or its login alone: who founded the fleet stays what it is.
        """
        named = {node for node, entry in self.config.nodes.items() if entry.role} | {self.chief}
        return {
            key: replace(self.anchor(anchor.node), told_by=anchor.told_by)
            if anchor.node in named and not anchor.by
            else anchor
            for key, anchor in anchors.items()
        }
