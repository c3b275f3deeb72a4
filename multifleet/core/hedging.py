"""How often a second attempt may be started while the first is merely slow: a bucket filled by attempts."""

from dataclasses import dataclass

ATTEMPTS_FOR_A_HEDGE = 20
"""Attempts that pay for one hedge."""
HEDGES_KEPT = 5
"""Hedges that may be saved up, so that a sudden slowness is not answered by a flood."""


@dataclass(frozen=True, slots=True)
class HedgeBudget:
    """What was saved; a new one is empty, so that never more than one attempt in twenty is hedged."""

    saved: int = 0

    def take(self) -> tuple["HedgeBudget", bool]:
        """Count one attempt; True with a hedge taken out for it, if there is one."""
        saved = min(self.saved + 1, ATTEMPTS_FOR_A_HEDGE * HEDGES_KEPT)
        if saved < ATTEMPTS_FOR_A_HEDGE:
            return HedgeBudget(saved), False
        return HedgeBudget(saved - ATTEMPTS_FOR_A_HEDGE), True

    def give_back(self) -> "HedgeBudget":
        """Return a hedge that was taken and not needed."""
        return HedgeBudget(min(self.saved + ATTEMPTS_FOR_A_HEDGE, ATTEMPTS_FOR_A_HEDGE * HEDGES_KEPT))
