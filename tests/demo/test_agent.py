from pathlib import Path

from multifleet.demo.agent import agent_in, chosen_client
from multifleet.demo.fleet_node import FleetNode, inherited
from multifleet.demo.places import Place


def test_a_client_can_be_named() -> None:
    assert chosen_client({"CLAUDE_BIN": "/opt/claude", "PATH": "/bin"}) == Path("/opt/claude")


async def test_without_a_client_the_reason_is_told(tmp_path: Path) -> None:
    node = FleetNode(tmp_path, "mini", Place("127.0.0.2", 1))
    async with agent_in(node, tmp_path, "-", {"PATH": "/nowhere", "HOME": str(tmp_path)}) as agent:
        assert (agent.present, agent.what) == (False, "none: no claude on PATH")


async def test_a_program_that_is_no_client_is_not_taken_for_one(tmp_path: Path) -> None:
    node = FleetNode(tmp_path, "mini", Place("127.0.0.2", 1))
    for program, words in (("/bin/echo", "does not run here"), (str(tmp_path / "none"), "does not run here")):
        async with agent_in(node, tmp_path, "-", {"CLAUDE_BIN": program}) as agent:
            assert not agent.present and words in agent.what


def test_nothing_of_the_users_fleet_or_keys_goes_into_the_demo(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/home/fleet",
        "MULTIFLEET_HOME": "/home/fleet/.multifleet",
        "FLEET_NERVE_HMAC_KEY": "k" * 32,
        "ANTHROPIC_API_KEY": "key",
        "CLAUDECODE": "1",
    }
    assert inherited(environ) == {"PATH": "/bin"}
    given = FleetNode(tmp_path, "mini", Place("127.0.0.2", 1)).environment()
    assert given["HOME"].startswith(str(tmp_path)) and given["CLAUDE_CONFIG_DIR"].startswith(str(tmp_path))
