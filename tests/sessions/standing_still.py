"""The empty prompt of Gemini CLI in a terminal whose program stands still; started as a program, it is that one."""

import sys
import termios
import time

FAINT = "\x1b[7m \x1b[0m\x1b[38;5;145m Type your message or @path/to/file\x1b[39m"
SCREEN = ("", "", "? for shortcuts", "─" * 60, " Shift+Tab to accept edits", "", f" > {FAINT}", "", " workspace", "")
AT_PROMPT = "\x1b[7;4H"


def main() -> None:
    """Until it is hung up."""
    settings = termios.tcgetattr(0)
    settings[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(0, termios.TCSANOW, settings)
    sys.stdout.write("\x1b[2J\x1b[H" + "\r\n".join(SCREEN) + AT_PROMPT)
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    main()
