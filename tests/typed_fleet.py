"""Two nodes on this machine that are typed at, as the documentation tells it."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from multifleet.config import DEFAULT_PORT
from multifleet.demo.fleet_node import FleetNode
from multifleet.demo.places import Place
from tests.docs_pages import ID, Typed

CODE = re.compile(r"\b[0-9A-Z]{5}(?:-[0-9A-Z]{1,5}){4,}\b")
PRINTED_BY = {"CODE": ("invite",), "ID": ("send", "-X")}


class TypedFleet:
    """CODE and ID stand for the last join code and the id of the message that was sent last."""

    def __init__(self, folder: Path, places: Mapping[str, Place]) -> None:
        self._nodes = {name: FleetNode(folder, name, place) for name, place in places.items()}
        self._known: dict[str, str] = {}
        for node in self._nodes.values():
            node.prepare()

    async def type(self, typed: Typed) -> str:
        """What it prints; DemoFailed where it fails."""
        node = self._nodes[typed.node]
        program, *words = (self._known.get(word, word) for word in typed.words)
        if program == "multifleet":
            printed = await node.run(*words)
        else:
            assert program == "curl"
            printed = await _curl(node, words)
        for name, pattern in (("CODE", CODE), ("ID", ID)):
            if (found := pattern.search(printed)) and words[0] in PRINTED_BY[name]:
                self._known[name] = found[0]
        return printed

    async def end(self) -> None:
        """Stop both daemons."""
        for node in self._nodes.values():
            await node.run("down")


async def _curl(node: FleetNode, words: list[str]) -> str:
    at_home = [word.replace(f":{DEFAULT_PORT}/", f":{node.place.port}/") for word in words]
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--fail", *at_home, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed
    return printed.decode()
