"""The acts of the demo, in their order. Every step is a command that a person could have typed."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from multifleet.demo.agent import Agent, agent_in
from multifleet.demo.blackout import DARK, Blackout
from multifleet.demo.fleet_node import PATIENCE, DemoFailed, FleetNode, PortTaken, program, together
from multifleet.demo.outcome import Sent
from multifleet.demo.places import Place
from multifleet.demo.ssh_server import SshServer
from multifleet.demo.teller import Teller
from multifleet.demo.ways import GitRemote, HttpPort, NatsServer, SshPort, TheChief, Way, has_git
from multifleet.demo.wires import Wires, WireTaken

NAMES = ("laptop", "mini", "gpu")
PROJECT = "api"
BURST = 6
"""Messages that each of two nodes sends to the third while that one dies."""
KILLED_AFTER = 4
ANSWER = "Rebased onto the new schema; the tests pass."


class Story:
    """One run. `play` tells it; what was sent stays in `sent`."""

    def __init__(self, stage: Path, teller: Teller, brief: bool = False) -> None:
        self._stage = stage.resolve()  # the clients name folders by their real paths
        self._brief = brief
        self._teller = teller
        self.nodes: list[FleetNode] = []
        self.sent: list[Sent] = []
        self.agent = Agent(False, "none: the demo ended before")
        self.killed: str | None = None
        self.blackout: Blackout | None = None
        self._stack = AsyncExitStack()

    async def play(self, places: Sequence[Place], inner: Sequence[Place]) -> None:
        """All acts, up to the last message's arrival."""
        known = zip(NAMES, places, inner, strict=True)
        self.nodes = [FleetNode(self._stage, name, place, listens) for name, place, listens in known]
        laptop, mini, gpu = self.nodes
        ways = await self._lay_ways(laptop, mini, gpu)
        project = mini.folder / "user" / PROJECT
        project.mkdir(parents=True)
        await self._make_fleet()
        async with AsyncExitStack() as stack:
            self._teller.act("A message to an agent session")
            self.agent = await stack.enter_async_context(agent_in(mini, project, ANSWER))
            await self._write_to_the_agent(laptop, mini, project)
        await self._kill_under_way(laptop, mini, gpu)
        if not self._brief:
            await self._go_dark(mini, gpu, ways)

    async def end(self) -> None:
        """Stop every daemon that still runs, and what lies between them."""
        await asyncio.gather(*(node.stop() for node in self.nodes))
        await self._stack.aclose()

    async def _lay_ways(self, laptop: FleetNode, mini: FleetNode, gpu: FleetNode) -> list[Way]:
        """Everything that a message from mini may go by to gpu, in the order in which it goes dark."""
        self._stage.mkdir(parents=True, exist_ok=True)
        wires = Wires({node.name: (node.place, node.inner) for node in self.nodes})
        try:
            await wires.open(self._stack)
        except WireTaken as error:
            raise PortTaken(str(error)) from None
        ssh = SshServer(gpu, self._stage / "ssh", gpu.place.host)
        await ssh.start(self._stack)
        ways: list[Way] = [NatsServer(laptop), HttpPort(wires, gpu), TheChief(laptop), SshPort(ssh, gpu)]
        shared: dict[str, Any] = {"natsPort": 0, "mdns": False}
        if has_git():
            remote = GitRemote(self._stage / "remote.git")
            await remote.make()
            ways.append(remote)
            shared["git"] = {"remote": str(remote.path), "every": 1}
        for node in self.nodes:
            node.settings = dict(shared)
        to_gpu = {"port": gpu.place.port, "remote_command": program()}
        mini.settings["nodes"] = {gpu.name: ssh.login() | to_gpu}
        gpu.settings["sshHostKeys"] = [f"{ssh.host_key}.pub"]
        return ways

    async def _make_fleet(self) -> None:
        laptop, mini, gpu = self.nodes
        self._teller.act("A fleet of three: each comes in by one code of any member, and all know it")
        await together(*(node.init() for node in self.nodes))
        for node in self.nodes:
            self._teller.command(node.name, ("init",))
        await laptop.start()
        self._came_up(laptop)
        await self._introduce(laptop, mini)
        await mini.start()
        self._came_up(mini)
        await self._introduce(mini, gpu)
        await gpu.start()
        self._came_up(gpu)
        await self._all_there(laptop)
        await self._show(laptop, "status")
        if laptop.inner != laptop.place:
            self._teller.say(f"(It listens on {laptop.inner}; {laptop.place} is the demo's wire to it, for others.)")
        if len({node.place.host for node in self.nodes}) == 1:
            self._teller.say("(This system has one loopback address only: one port for each node instead.)")

    async def _introduce(self, inviter: FleetNode, joiner: FleetNode) -> None:
        self._teller.command(inviter.name, ("invite",))
        code = (await inviter.ask("invite"))["code"]
        self._teller.command(joiner.name, ("join", code))
        await joiner.ask("join", code)

    async def _all_there(self, node: FleetNode) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while [member["state"] for member in (await node.ask("status"))["members"]] != ["alive"] * len(NAMES):
                    pass  # each question is a process of its own, which is pause enough
        except TimeoutError:
            raise DemoFailed(f"{node.name} did not see the others within {PATIENCE:g} s") from None

    def _came_up(self, node: FleetNode) -> None:
        self._teller.command(node.name, ("up",))
        self._teller.output(f"{node.name} is up: pid {node.pid}, {node.place}")

    async def _write_to_the_agent(self, laptop: FleetNode, mini: FleetNode, project: Path) -> None:
        if self.agent.present:
            self._teller.say(f"{self.agent.what} is idle in project {PROJECT} on {mini.name}. Its model is a script")
            self._teller.say("on this machine: no account is needed and nothing leaves it.")
        else:
            self._teller.say(f"Agent: {self.agent.what}.")
            self._teller.say("In its stead a person reads: the message stays stored, and nobody claims more.")
            await self._show(mini, "seat", "bind", PROJECT, str(project))
        message = await self._send(laptop, mini, "the schema changed, rebase", seat=PROJECT)
        await self._watch(laptop, message, "answered" if self.agent.present else "stored")
        if not self.agent.present:
            await self._show(mini, "read", message)

    async def _kill_under_way(self, laptop: FleetNode, mini: FleetNode, gpu: FleetNode) -> None:
        self._teller.act("One node is killed under way")
        self._teller.say(f"{laptop.name} and {mini.name} send {BURST} messages each to {gpu.name} ...")
        await self._send_while_it_dies(laptop, mini, gpu)
        self._teller.say("What it had not signed for waits at its senders; nothing more is claimed:")
        await self._show(laptop, "outbox", gpu.name, "--limit", str(BURST))
        last = next(message.id for message in reversed(self.sent) if message.sender is laptop)
        await self._come_back(laptop, gpu, last)
        self._teller.command(gpu.name, ("reply", last[:13], "all of it is here"))
        reply = await gpu.ask("reply", last, "all of it is here")
        self.sent.append(Sent(reply["id"], gpu, laptop))
        await self._watch(laptop, last, "answered")
        for message in self.sent:
            await message.sender.run("trace", message.id, "--wait", "stored", "--timeout", "20")

    async def _go_dark(self, mini: FleetNode, gpu: FleetNode, ways: list[Way]) -> None:
        self._teller.act("One way after the other goes dark, and all come back by themselves")
        self._teller.say(f"{mini.name} writes to {gpu.name}; its channels, those that were made dark as `{DARK}`:")
        self.blackout = Blackout(mini, gpu, ways, self._teller)
        try:
            await self.blackout.play()
        finally:
            self.sent += self.blackout.sent

    async def _send_while_it_dies(self, laptop: FleetNode, mini: FleetNode, gpu: FleetNode) -> None:
        begun = len(self.sent)
        now = asyncio.Event()

        async def send_all(sender: FleetNode) -> None:
            for number in range(1, BURST + 1):
                accepted = await sender.ask("send", gpu.name, f"job {number} from {sender.name}")
                self.sent.append(Sent(accepted["id"], sender, gpu))
                if len(self.sent) - begun == KILLED_AFTER:
                    now.set()

        async def kill() -> None:
            await now.wait()
            pid = await gpu.kill()
            self.killed = gpu.name
            self._teller.say(f"kill -9 {pid}: {gpu.name} is gone, after {KILLED_AFTER} of {2 * BURST}.")

        await together(send_all(laptop), send_all(mini), kill())

    async def _come_back(self, laptop: FleetNode, gpu: FleetNode, last: str) -> None:
        shown = asyncio.Event()

        def tell(line: str) -> None:
            self._teller.output(line)
            if " queued " in line:
                shown.set()

        async def start() -> None:
            await shown.wait()
            await gpu.start()
            self._came_up(gpu)

        await together(self._watch(laptop, last, "stored", tell), start())

    async def _send(self, sender: FleetNode, recipient: FleetNode, text: str, seat: str) -> str:
        to = f"{recipient.name}/{seat}"
        self._teller.command(sender.name, ("send", to, text))
        message = str((await sender.ask("send", to, text))["id"])
        self.sent.append(Sent(message, sender, recipient))
        return message

    async def _watch(
        self, sender: FleetNode, message: str, state: str, tell: Callable[[str], None] | None = None
    ) -> None:
        self._teller.command(sender.name, ("trace", message[:13], "--watch", "--wait", state))
        words = ("trace", message, "--watch", "--wait", state, "--timeout", "25")
        await sender.follow(tell or self._teller.output, *words)

    async def _show(self, node: FleetNode, *words: str) -> None:
        self._teller.command(node.name, words)
        await node.follow(self._teller.output, *words)
