"""Every plain shell of this machine."""

import shutil
from pathlib import Path

import pytest

SHELLS = [path for name in ("dash", "bash", "sh", "busybox", "ksh", "mksh") if (path := shutil.which(name))]


@pytest.fixture(params=SHELLS, ids=lambda path: Path(path).name)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return [request.param, "sh"] if request.param.endswith("busybox") else [request.param]
