"""Loads what is needed late: in a thread, one after the other, while the event loop goes on.

A thread that imports computes without a pause, and the loop gets the interpreter back only when a switch interval is
over: five milliseconds each time it wakes, and as many more for every other thread that computes. Meanwhile that
interval is a tenth of it.
"""

import asyncio
import sys
import threading
from importlib import import_module

SWITCH_SECONDS = 0.0005

_one_at_a_time = threading.Lock()


async def load(*modules: str) -> None:
    """Import these modules, unless that was done before."""
    if not all(is_loaded(name) for name in modules):
        await asyncio.to_thread(_import, modules)


def is_loaded(module: str) -> bool:
    """Whether an import of it would cost nothing."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def _import(modules: tuple[str, ...]) -> None:
    with _one_at_a_time:
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            for name in modules:
                import_module(name)
        finally:
            sys.setswitchinterval(usual)
