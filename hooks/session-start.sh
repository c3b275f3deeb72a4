# Tells the daemon that a session begins, and prints what waits for it. $1 is the plugin's folder; $2 is the client where
# it is not Claude Code.
#
# The event's JSON goes on to `multifleet hook session-start` unread. Always exits 0, with or without a daemon; the
# program gives up by itself when the daemon does not answer.

[ -x "$1/bin/multifleet" ] || exit 0
# no session waits while the program's environment is made for the first time
[ -e "$1/.venv/made-from" ] || [ -e "${XDG_CACHE_HOME:-$HOME/.cache}/multifleet" ] || exit 0
MULTIFLEET_CLIENT=${2:-} "$1/bin/multifleet" hook session-start 2>/dev/null || :
exit 0
