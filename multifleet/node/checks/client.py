"""Is there an agent client whose sessions can be reached, by which way, and would it run our hooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from multifleet.node.checks.finding import Finding, fail, ok, together, warn
from multifleet.node.offering.clients import Verdict
from multifleet.sessions.base import Found
from multifleet.sessions.claude_hooks import hooks_installed, lets_all_in
from multifleet.sessions.claude_registry import CLIENT
from multifleet.sessions.claude_selftest import TRUSTED
from multifleet.sessions.qwen_registry import CLIENT as QWEN

NEEDED = "2.1.329"
TEST = "multifleet doctor client"
INSTALL = "multifleet plugin install, or the hooks alone: multifleet hooks install; then start the sessions again"
WAYS = "`multifleet sessions` shows by which way each gets messages"
SHOWN = 3
OPEN = (
    'crossSessionInbound is "accept" in your settings: sessions that act without asking are shown what members send '
    "without your being asked (docs/authority.md)"
)


@dataclass(frozen=True, slots=True)
class Clients:
    """Claude Code on this machine, as far as this user has it."""

    binary: Path | None
    version: str | None
    """Of the binary, where it could be told."""
    found: Found
    verdicts: Mapping[str, Verdict]
    """Results of self-tests by version."""
    native: Mapping[str, Verdict] = field(default_factory=dict)
    """The same of the test whether it lists seats of other machines."""
    qwen: Mapping[str, Verdict] = field(default_factory=dict)
    """That of Qwen Code."""

    @property
    def present(self) -> bool:
        """Whether there is a Claude Code; sessions of other clients need none."""
        return self.binary is not None or any(session.client == CLIENT for session in self.found.sessions)

    @property
    def others(self) -> list[str]:
        """The other clients that have sessions here."""
        return sorted({session.client for session in self.found.sessions} - {CLIENT})


def hooked(config: Path, clients: Clients) -> Finding:
    """Whether the client would run our hooks. Blocks for the disk."""
    if not clients.present:
        return ok("none needed: there is no Claude Code on this machine")
    hooks = hooks_installed(config)
    if hooks.how is not None:
        return together([ok(hooks.detail), *([ok(OPEN)] if lets_all_in(config) else [])])
    what, _, todo = hooks.detail.partition(": ")
    advice = todo if todo.startswith(("claude plugin", "take ")) else INSTALL
    return fail(f"{what}: a session that its inbox socket cannot reach gets nothing", advice)


def reachable(clients: Clients) -> Finding:
    """Whether messages get to sessions, by version of the client."""
    if not clients.present and not clients.others:
        return warn(
            "no Claude Code is installed for this user: messages are kept and shown by `multifleet inbox`, "
            "to no session",
            f"install Claude Code {NEEDED} or later where agent sessions are to get messages",
        )
    findings = [_judge(version, clients.verdicts) for version in _versions(clients)]
    if not clients.present:
        findings.append(ok(f"no Claude Code, but sessions of {', '.join(clients.others)}: {WAYS}"))
    if clients.binary is not None and clients.version is None:
        findings.append(warn(f"{clients.binary} does not say its version", f"see that it runs, then: {TEST}"))
    findings += [_without_inbox(version) for version in sorted(_hooks_only(clients))]
    failed = {version for version, verdict in clients.native.items() if not verdict.ok}
    findings += [_lists_no_seats(clients.native[version]) for version in _versions(clients) if version in failed]
    of_qwen = {session.version for session in clients.found.sessions if session.client == QWEN}
    findings += [
        _lists_no_seats(one, "Qwen Code") for one in clients.qwen.values() if one.version in of_qwen and not one.ok
    ]
    if problems := clients.found.problems:
        named = ", ".join(f"{problem.path} ({problem.reason})" for problem in problems[:SHOWN])
        findings.append(
            warn(f"{len(problems)} session records are not believed: {named}", "close those sessions, remove the files")
        )
    return together(findings)


def _versions(clients: Clients) -> list[str]:
    seen = {one.version for one in clients.found.sessions if one.client == CLIENT and one.socket is not None}
    return sorted(seen | ({clients.version} if clients.version else set()))


def _hooks_only(clients: Clients) -> set[str]:
    return {one.version for one in clients.found.sessions if one.client == CLIENT and one.socket is None}


def _judge(version: str, verdicts: Mapping[str, Verdict]) -> Finding:
    verdict = verdicts.get(version)
    if verdict is not None and not verdict.ok:
        return fail(
            f"Claude Code {version}: the self-test {_failed(verdict)}; its sessions get messages by hooks only",
            f"keep the hooks, upgrade multifleet or Claude Code, then: {TEST}",
        )
    if verdict is not None:
        return ok(f"Claude Code {version} takes messages through its inbox socket (self-test passed)")
    if version in TRUSTED:
        return ok(f"Claude Code {version} takes messages through its inbox socket (measured for this release)")
    return warn(f"Claude Code {version} has not been tested yet: its first session will be asked", TEST)


def _failed(verdict: Verdict) -> str:
    return verdict.detail if verdict.detail.startswith("failed") else f"failed: {verdict.detail}"


def _lists_no_seats(verdict: Verdict, client: str = "Claude Code") -> Finding:
    return warn(
        f"{client} {verdict.version} does not list the seats of other machines: the test of that {_failed(verdict)}",
        "address them with multifleet send; a running daemon tests it again every hour",
    )


def _without_inbox(version: str) -> Finding:
    return warn(
        f"sessions of Claude Code {version} have no inbox socket: they get messages by hooks only",
        f"upgrade to Claude Code {NEEDED} or later and start them again",
    )
