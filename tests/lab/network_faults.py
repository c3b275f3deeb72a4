"""What can go wrong between hosts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.lab.fault import Fault
from tests.lab.kernel import end_helper
from tests.lab.sockets import Sockets
from tests.lab.tools import LabError, wait_for

SHAPER = Path(__file__).with_name("shaper.py")
SHAPER_MARK = 0x77


class NetworkFaults(Sockets):
    """Faults of the wire, the firewall and the address."""

    def _rule(
        self,
        chain: str,
        *spec: str,
        source: NetworkFaults | None = None,
        target: NetworkFaults | None = None,
        table: str = "filter",
    ) -> Callable[[], object]:
        """Add a firewall rule to this host, IPv4 and IPv6, loopback spared; the call that removes it."""
        rules = []
        wire = ["!", "-i" if chain == "INPUT" else "-o", "lo"]
        for program in ("iptables", "ip6tables"):
            old = program == "iptables"
            match = ["-s", source.ip if old else source.ip6] if source else []
            match += ["-d", target.ip if old else target.ip6] if target else []
            words = [word if old else word.replace("icmp-", "icmp6-") for word in spec]
            rules.append([program, "-w", "-t", table, "{}", chain, *wire, *match, *words])
        for rule in rules:
            self._net(*(word.format("-A") for word in rule))
        return lambda: [self._net(*(word.format("-D") for word in rule)) for rule in rules]

    def unplug(self) -> Fault:
        """Pull the cable: nothing in or out until undone, not even ARP."""
        self.lab.switch_command("ip", "link", "set", self.port, "down")
        return Fault(f"{self.name} unplugged", [self._plug])

    def _plug(self) -> None:
        self.lab.switch_command("ip", "link", "set", self.port, "up")
        wait_for(lambda: "forwarding" in self._port_state(), what=f"{self.name} forwarding again")

    def _port_state(self) -> str:
        return self.lab.switch_command("bridge", "link", "show", "dev", self.port)

    def drop_from(self, *others: NetworkFaults) -> Fault:
        """Silently lose what the others send to this host; the other way still works."""
        rules = [self._rule("INPUT", "-j", "DROP", source=other) for other in others]
        return Fault(f"{self.name} deaf to {[o.name for o in others]}", rules)

    def drop_to(self, *others: NetworkFaults) -> Fault:
        """Silently lose what this host sends to the others; the other way still works."""
        # at the receiver: a rule in this host's OUTPUT would tell the sender with EPERM
        faults = [other.drop_from(self) for other in others]
        return Fault(f"{self.name} mute to {[o.name for o in others]}", [f.undo for f in faults])

    def block_port(
        self, port: int, *, proto: str = "tcp", how: str = "drop", source: NetworkFaults | None = None
    ) -> Fault:
        """Cut a port off from the network, or from `source` alone: `drop` hangs, `reset` refuses.

        The host itself still reaches it over its loopback.
        """
        target = ["-j", "DROP"]
        if how == "reset":
            with_what = "tcp-reset" if proto == "tcp" else "icmp-port-unreachable"
            target = ["-j", "REJECT", "--reject-with", with_what]
        rule = self._rule("INPUT", "-p", proto, "--dport", str(port), *target, source=source)
        return Fault(f"{self.name}:{port}/{proto} {how}", [rule])

    def block_large(self, size: int = 1000, source: NetworkFaults | None = None) -> Fault:
        """Lose every packet over `size` bytes and say nothing: the path-MTU black hole.

        With `source`, only what that host sends to this one: handshakes pass and answers do not.
        """
        large = ["-m", "length", "--length", f"{size + 1}:65535", "-j", "DROP"]
        rules = [self._rule("INPUT", *large, source=source)]
        if not source:
            rules += [o._rule("INPUT", *large, source=self) for o in self.lab.hosts if o is not self]
        return Fault(f"{self.name}: over {size} bytes lost", rules)

    def lose_answers(self, server: NetworkFaults) -> Fault:
        """Requests from here reach `server` whole, its answers never come: the lost acknowledgement."""
        return self.block_large(100, source=server)

    def cut_connections(self, port: int) -> int:
        """Destroy the open TCP connections of a local or remote port; how many there were."""
        match = f"( sport = :{port} or dport = :{port} )"
        count = len(self._net("ss", "-tnH", "state", "established", match).splitlines())
        self._net("ss", "-K", "-tn", "state", "established", match)
        return count

    def rate(self, rate: str, latency: str = "400ms") -> Fault:
        """Limit what the host sends, e.g. `rate("256kbit")`."""
        qdisc = ["tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate]
        self._net(*qdisc, "burst", "16kb", "latency", latency)
        undo = ["tc", "qdisc", "del", "dev", "eth0", "root"]
        return Fault(f"{self.name} at {rate}", [lambda: self._net(*undo)])

    def shape(
        self,
        *,
        delay: float = 0.0,
        jitter: float = 0.0,
        loss: float = 0.0,
        duplicate: float = 0.0,
        proto: str | None = None,
        port: int | None = None,
        peer: NetworkFaults | None = None,
        incoming: bool = False,
    ) -> Fault:
        """Delay (seconds; jitter reorders), lose or double packets, of one protocol, port or peer.

        This kernel has no netem, so the packets wait in a netfilter queue for a small process.
        """
        if duplicate and incoming:
            raise LabError("only outgoing packets can be doubled")
        match: list[str] = ["-p", proto or ("tcp" if port else "all")]
        if port:
            match += ["--dport", str(port)]
        what = f"{self.name} shaped {delay=} {jitter=} {loss=} {duplicate=}"
        queue = str(next(self.lab.numbers))
        numbers = [queue, str(delay), str(jitter), str(loss), str(duplicate)]
        shaper = subprocess.Popen(
            ["nsenter", "-t", str(self.init), "-n", sys.executable, "-I", str(SHAPER), *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert shaper.stdout
        if shaper.stdout.readline() != b"ready\n":
            raise LabError("the packet queue could not be bound")
        self.lab.helpers.append(shaper)
        skip = ["-m", "mark", "!", "--mark", hex(SHAPER_MARK)]
        queued = ["-j", "NFQUEUE", "--queue-num", queue, "--queue-bypass"]
        rule = self._rule(
            "INPUT" if incoming else "OUTPUT",
            *match,
            *skip,
            *queued,
            source=peer if incoming else None,
            target=None if incoming else peer,
            table="mangle",
        )
        return Fault(what, [lambda: end_helper(shaper), rule])  # undone from the end: the rule first

    def change_ip(self, address: str) -> Fault:
        """Move to another address of the site, as after a new DHCP lease; undo moves back."""
        before = self.ip

        def move(to: str) -> None:
            self._net("ip", "-4", "addr", "flush", "dev", "eth0", "scope", "global")
            self._net("ip", "addr", "add", f"{to}/24", "brd", "+", "dev", "eth0")
            self._routes()
            self.ip = to

        move(address)
        return Fault(f"{self.name} at {address}", [lambda: move(before)])
