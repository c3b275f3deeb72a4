"""A real client as a program: what it is given, and what one run of it says."""

import asyncio
from collections.abc import Mapping
from pathlib import Path


def variables_for(home: Path, multifleet: Path, **own: str) -> dict[str, str]:
    """All that a client is given: a home of its own, no way to the internet, and what it alone wants."""
    return {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "MULTIFLEET_HOME": str(multifleet),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    } | own


async def output_of(*command: str, folder: Path, variables: Mapping[str, str]) -> str:
    """What it prints until it ends, which has to be well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=dict(variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return output.decode()
