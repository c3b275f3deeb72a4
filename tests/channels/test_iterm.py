"""What is said to iTerm2, word for word. It is not run: there is no macOS here."""

from multifleet.channels import iterm


def test_the_program_is_run_with_two_words_and_the_script_on_its_standard_input() -> None:
    assert iterm.ARGV == ("osascript", "-")
    assert iterm.LIST.startswith(b'if application "iTerm2" is running then\n'), "it is not started by the question"


def test_a_line_goes_into_one_session_without_enter_and_cannot_leave_its_quotes() -> None:
    script = iterm.write_text("/dev/ttys003", 'say "hi" \\ end').decode()
    assert script == (
        'tell application "iTerm2"\nrepeat with w in windows\nrepeat with t in tabs of w\n'
        "repeat with s in sessions of t\n"
        'if (tty of s) is "/dev/ttys003" then tell s to write text "say \\"hi\\" \\\\ end" newline NO\n'
        "end repeat\nend repeat\nend repeat\nend tell\n"
    )


def test_sessions_are_read_with_what_they_show() -> None:
    text = "/dev/ttys003\nfirst\nsecond\n\x1e\n/dev/ttys004\n\n\x1e\nnot a terminal\nx\x1e\n"
    assert iterm.read_sessions(text) == [("/dev/ttys003", "first\nsecond\n"), ("/dev/ttys004", "\n")]
    assert iterm.read_sessions("") == []
