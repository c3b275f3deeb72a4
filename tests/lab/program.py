"""The product as a user has it: bin/multifleet in its own environment, made before any host needs it."""

import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def program() -> Path:
    """The start script, with its environment ready: hosts of the lab have no way to an index."""
    script = ROOT / "bin" / "multifleet"
    subprocess.run([script, "--version"], check=True, capture_output=True, timeout=600)
    return script
