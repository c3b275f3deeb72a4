"""What a check of the doctor found, and which of several red checks is the cause and which only follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from multifleet.errors import MultifleetError
from multifleet.operations.views import CheckView


class Level(StrEnum):
    """How bad it is: `fail` is a fault, `warn` is worth knowing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_RANK = {Level.OK: 0, Level.WARN: 1, Level.FAIL: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question."""

    level: Level
    says: str
    """One line."""
    remedy: str | None = None
    follows: frozenset[str] = frozenset()
    """Checks that, where they fail, explain this fault: it is then theirs."""


def ok(says: str, remedy: str | None = None) -> Finding:
    """All is well."""
    return Finding(Level.OK, says, remedy)


def warn(says: str, remedy: str) -> Finding:
    """Nothing is broken, and somebody should know."""
    return Finding(Level.WARN, says, remedy)


def fail(says: str, remedy: str, *follows: str) -> Finding:
    """A fault; `follows` names the checks whose fault would explain it."""
    return Finding(Level.FAIL, says, remedy, frozenset(follows))


def of_error(error: MultifleetError, *follows: str) -> Finding:
    """A fault in the words of its own error, whose last part says what to do."""
    says, _, remedy = str(error).rpartition(": ")
    return fail(says or str(error), remedy, *follows)


def together(findings: Sequence[Finding]) -> Finding:
    """Several answers to one question as one: the worst level, and what was found at that level."""
    worst = max((finding.level for finding in findings), key=_RANK.__getitem__)
    told = [finding for finding in findings if finding.level is worst]
    remedies = list(dict.fromkeys(finding.remedy for finding in told if finding.remedy))
    explained = all(finding.follows for finding in told)
    return Finding(
        worst,
        "; ".join(dict.fromkeys(finding.says for finding in told)),
        "; ".join(remedies) or None,
        frozenset().union(*(finding.follows for finding in told)) if explained else frozenset(),
    )


def settle(found: Mapping[str, Finding]) -> dict[str, Finding]:
    """The findings with each fault that follows from another one lowered to a warning that names it."""
    failing = {name for name, finding in found.items() if finding.level is Level.FAIL}
    roots = {name for name in failing if not found[name].follows & failing}
    settled = {}
    for name, finding in found.items():
        causes = finding.follows & failing
        cause = min(causes & roots or causes, default=None)
        if name in failing and cause is not None:
            finding = replace(
                finding, level=Level.WARN, says=f"{finding.says} (see {cause})", remedy=f"mend {cause} first"
            )
        settled[name] = finding
    return settled


def as_view(name: str, finding: Finding) -> CheckView:
    """The finding as a user gets it."""
    return CheckView(
        id=name,
        ok=finding.level is not Level.FAIL,
        level=finding.level.value,
        says=" ".join(finding.says.split()),
        remedy=finding.remedy,
    )
