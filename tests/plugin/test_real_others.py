"""Codex, Gemini CLI and Qwen Code: they take our manifests, and run the hooks that `hooks install` writes for them.

Their API is a server on loopback that notes what it is asked and refuses it: what a hook adds is in the first question.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from multifleet.plugin.skills import for_models
from multifleet.sessions.hook_clients import hook_file
from multifleet.sessions.hook_install import install, look, uninstall
from tests.lab.client_install import program
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.real_codex import CONFIG

ROOT = Path(__file__).resolve().parents[2]
MARK = "k3jx9q0w7m5n2b8v4c6z1a0s"
pytestmark = [pytest.mark.real_clients, pytest.mark.timeout(300)]

SETTINGS = {
    "codex": None,
    "gemini": b'{"security": {"auth": {"selectedType": "gemini-api-key"}}, // mine\n "telemetry": {"enabled": false},'
    b' "privacy": {"usageStatisticsEnabled": false}, "general": {"enableAutoUpdate": false}}',
    "qwen": b'{"security": {"auth":  {"selectedType": "openai"}}, "privacy": {"usageStatisticsEnabled": false},'
    b' "general": {"enableAutoUpdate": false}, "telemetry": {"enabled": false}, "$version": 4}',
}
PROMPT = {
    "codex": ["exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust", "hello"],
    "gemini": ["-m", "gemini-2.5-pro", "-p", "hello"],
    "qwen": ["-p", "hello"],
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    (made / ".multifleet").mkdir(mode=0o700, parents=True)
    (tmp_path / "project").mkdir()
    return made


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and the bodies that it was given."""
    bodies: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
            refusal = b'{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}'
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(refusal)))
            self.end_headers()
            self.wfile.write(refusal)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the bodies tell."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def variables(home: Path, url: str) -> dict[str, str]:
    return {
        "HOME": str(home),
        "CODEX_HOME": str(home / ".codex"),
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "MOCK_KEY": "fake",
        "GEMINI_API_KEY": "fake",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "OPENAI_API_KEY": "fake",
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_MODEL": "mock-model",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def run(client: str, home: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(client), *words],
        env=variables(home, url),
        cwd=home.parent / "project",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.mark.parametrize("client", SETTINGS)
def test_hooks_in_the_clients_own_file_run_and_leave_no_trace(
    client: str, home: Path, asked: tuple[str, list[str]]
) -> None:
    url, bodies = asked
    root = home.parent / "my multifleet"
    (root / "hooks").mkdir(parents=True)
    (root / "hooks/hooks.json").touch()
    (root / "hooks/session-start.sh").write_text("cat >/dev/null\n")
    answer = f'{{"hookSpecificOutput":{{"hookEventName":"%s","additionalContext":"{MARK}-%s-%s"}}}}'
    (root / "hooks/hand-over.sh").write_text(f'cat >/dev/null\nprintf \'{answer}\' "$1" "$1" "$2"\n')
    file = hook_file(client, root, home / ".multifleet", None, variables(home, url))
    file.path.parent.mkdir()
    if (was := SETTINGS[client]) is not None:
        file.path.write_bytes(was)
    (home / ".codex").mkdir(exist_ok=True)
    (home / ".codex/config.toml").write_text(CONFIG.format(url=url, folder=home.parent / "project"))
    assert install(file, home / ".multifleet") and look(file).how == "all"
    done = run(client, home, url, *PROMPT[client])
    event = "BeforeAgent" if client == "gemini" else "UserPromptSubmit"
    assert any(f"{MARK}-{event}-{client}" in body for body in bodies), done.stdout + done.stderr
    assert uninstall(file, home / ".multifleet")
    assert (file.path.read_bytes() if file.path.exists() else None) == was


def test_the_extension_is_valid_for_gemini(home: Path) -> None:
    done = run("gemini", home, "http://127.0.0.1:9", "extensions", "validate", str(ROOT / "gemini"))
    assert done.returncode == 0 and "successfully validated" in done.stdout + done.stderr, done.stdout + done.stderr


def test_codex_takes_the_plugin_starts_its_tools_and_takes_it_away(home: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    for part in (".claude-plugin", ".codex-plugin", "skills", "commands", "hooks"):
        shutil.copytree(ROOT / part, plugin / part)
    (plugin / "bin").mkdir()
    (plugin / "bin/multifleet").write_text(f'export PYTHONPATH={ROOT}\nexec "{sys.executable}" -m multifleet "$@"\n')
    with MockOpenAI() as api:
        (home / ".codex").mkdir()
        config = home / ".codex/config.toml"
        config.write_text(was := CONFIG.format(url=api.url, folder=tmp_path / "project"))
        for words in (["marketplace", "add", str(plugin)], ["add", "multifleet@multifleet-local"]):
            done = run("codex", home, api.url, "plugin", *words)
            assert done.returncode == 0, done.stderr
        done = run("codex", home, api.url, *PROMPT["codex"])
        assert done.returncode == 0, done.stderr
        offered = json.dumps(api.requests)
        for words in (["remove", "multifleet@multifleet-local"], ["marketplace", "remove", "multifleet-local"]):
            done = run("codex", home, api.url, "plugin", *words)
            assert done.returncode == 0, done.stderr
        assert config.read_text() == was
    assert "mcp__fleet" in offered and "fleet_send" in offered
    assert set(re.findall(r"multifleet:([a-z-]+): ", offered)) == set(for_models()), "what people start is not offered"
