"""Which role the configuration gives a machine: in a fleet with a shared key, for those that no captain has let in.

In a fleet that is joined by code it gives nobody one: what each machine is was said by who let it in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from multifleet.config import Config
from multifleet.core.roster import Anchor

ROLES = ("chief", "captain", "worker")
"""All that may be given."""


@dataclass(frozen=True, slots=True)
class Roles:
    """As this machine's files have it."""

    config: Config
    is_shared: bool
    """Whether this node has the fleet's shared key."""

    @property
    def chief(self) -> str:
        """The configured chief; empty where there is none."""
        return self.config.chief.nodeId if self.config.chief else ""

    def anchor(self, node: str) -> Anchor:
        """A machine as the configuration describes it; a captain where it says nothing, or has no say."""
        entry = self.config.nodes.get(node) if self.is_shared else None
        if node == self.chief or entry is None:
            return Anchor(node)
        return Anchor(node, "captain" if entry.role in ("chief", "captain") else "worker", entry.chief_eligible)

    def anew(self, anchors: Mapping[str, Anchor]) -> dict[str, Anchor]:
        """Anchors as the files have them now, for the machines whose role they name and nobody else let in.

        An entry may be there for a machine's addresses or its login alone, and a role that there is not changes nobody.
        """
        if not self.is_shared:
            return _founded(anchors)
        named = {node for node, entry in self.config.nodes.items() if entry.role in ROLES} | {self.chief}
        return {
            key: replace(self.anchor(anchor.node), told_by=anchor.told_by)
            if anchor.node in named and not anchor.by
            else anchor
            for key, anchor in anchors.items()
        }


def _founded(anchors: Mapping[str, Anchor]) -> dict[str, Anchor]:
    """The same, but that the only root, where it is alone or has let others in, is the founder, so it is a captain.

    One that has let nobody in may be a worker of a fleet with a shared key, whose captains have left.
    """
    roots = [key for key, anchor in anchors.items() if not anchor.by]
    if len(roots) != 1 or (len(anchors) > 1 and all(anchor.by != roots[0] for anchor in anchors.values())):
        return dict(anchors)
    return {**anchors, roots[0]: replace(anchors[roots[0]], role="captain", eligible=True)}
