"""Which panes may be typed into: told from what tmux and ps print, and from real screens of Claude Code 2.1.329."""

import pytest

from multifleet.core.panes import (
    Pane,
    agent_panes,
    program_of,
    read_panes,
    read_processes,
    shows,
    why_not_typed,
    why_not_typed_blind,
)

RULE = "─" * 80
PROMPT = "\u276f\xa0"
FREE = f"  Claude Code\n\n{RULE}\n{PROMPT}\n{RULE}\n  ⏵⏵ auto mode on (shift+tab to cycle)\n"
STATE = "%0|23|0|0|0|2|3"
CLAUDE = "     23      23      23 pts/0    /opt/claude-code/bin/claude --resume"
SHELL = "     23      23      23 pts/0    -bash"


def screen(*prompt: str) -> str:
    return "\n".join(["  Claude Code", "", RULE, *prompt, RULE, "  ? for shortcuts", ""])


def test_an_empty_prompt_with_the_cursor_in_it_may_be_typed_into() -> None:
    assert why_not_typed(STATE, FREE) == ""
    assert why_not_typed_blind(FREE) == ""


@pytest.mark.parametrize(
    ("state", "shown", "why"),
    [
        ("%0|23|0|0|0|12|3", screen(PROMPT + "half typed"), "draft"),
        ("%0|23|0|0|0|2|3", screen(PROMPT + "half typed"), "draft"),  # the cursor was moved to its start
        ("%0|23|0|0|0|3|3", screen(PROMPT + " "), "draft"),  # spaces alone
        ("%0|23|0|0|0|5|4", screen(PROMPT + "first line", "  second"), "draft"),
        ("%0|23|0|0|0|27|3", screen(PROMPT + "[Pasted text #2 +3 lines]"), "draft"),
        ("%0|23|0|0|0|2|3", screen("! "), "empty prompt"),  # a command for the shell
        ("%0|23|0|0|0|2|1", screen(PROMPT), "empty prompt"),  # the cursor is elsewhere
        ("%0|23|0|0|0|2|3", "Do you want to proceed?\n\n\n\u276f 1. Yes\n  2. No\n", "empty prompt"),
        ("%0|23|0|0|0|2|0", "$ \n", "empty prompt"),
        ("%0|23|0|1|0|2|3", FREE, "mode"),  # scrolled back
        ("%0|23|0|0|1|2|3", FREE, "mode"),  # typed into several panes at once
        ("%0|23|1|0|0|2|3", FREE, "mode"),
        ("%0|23|0|0|0|2|9999", FREE, "empty prompt"),
        ("", "", "mode"),
    ],
)
def test_anything_else_is_left_alone_with_the_reason(state: str, shown: str, why: str) -> None:
    assert why in why_not_typed(state, shown)


@pytest.mark.parametrize("shown", [screen(PROMPT + "half typed"), screen(PROMPT) + screen(PROMPT), "", "$ "])
def test_without_a_cursor_only_one_empty_prompt_will_do(shown: str) -> None:
    assert why_not_typed_blind(shown)


@pytest.mark.parametrize(
    ("processes", "program"),
    [
        ([CLAUDE], "claude"),
        ([SHELL], "bash"),
        ([SHELL, " 40 23 23 pts/0 /bin/claude"], "bash"),  # a child in the shell's group
        ([" 23 23 40 pts/0 claude", " 40 40 40 pts/0 vim notes"], "vim"),  # suspended, or its editor is open
        ([" 23 23 23 pts/0 node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"], "claude"),
        ([" 23 23 23 pts/0 node /srv/server.js"], "node"),
        ([" 23 23 23 pts/0 bash /usr/bin/claude"], "bash"),
        ([" 23 23 23 pts/1 claude"], ""),
        ([], ""),
    ],
)
def test_the_program_is_the_one_that_the_terminal_listens_to(processes: list[str], program: str) -> None:
    assert program_of("/dev/pts/0", read_processes("\n".join(processes))) == program


def test_panes_with_an_agent_come_in_the_order_of_their_use() -> None:
    text = "%0|1|/dev/pts/0|0|0|0|100\n%1|2|/dev/pts/1|0|0|0|300\n%2|3|/dev/pts/2|0|0|0|200\n"
    found = read_panes("/tmp/tmux-0/default", text + "nonsense|\n%3|4|/dev/pts/3|0|1|0|9\n")
    assert [pane.id for pane in found] == ["%0", "%1", "%2"]
    running = read_processes(" 1 1 1 pts/0 claude\n 2 2 2 pts/1 claude\n 3 3 3 pts/2 bash\n")
    assert agent_panes(found, running) == [
        (Pane("/tmp/tmux-0/default", "%1", "/dev/pts/1", 300), "claude"),
        (Pane("/tmp/tmux-0/default", "%0", "/dev/pts/0", 100), "claude"),
    ]


def test_a_text_that_is_broken_into_lines_is_recognized() -> None:
    assert shows("rule\n❯ [multifleet: message 0\n  19a from mac1]\nrule", "[multifleet: message 019a from mac1]")
    assert not shows(FREE, "[multifleet: message 019a from mac1]")
