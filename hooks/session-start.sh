# Tells the daemon that a session begins, and prints what waits for it. $1 is the plugin's folder; $2 is the client where
# it is not Claude Code.
#
# The event's JSON goes on to `multifleet hook session-start` unread. Always exits 0, with or without a daemon; the
# program gives up by itself when the daemon does not answer.

program=$1/bin/multifleet
if [ ! -x "$program" ]; then # an extension that was copied alone
    program=$(command -v multifleet) || exit 0
# no session waits while the program's environment is made for the first time
elif [ ! -e "$1/.venv/made-from" ] && [ ! -e "${XDG_CACHE_HOME:-$HOME/.cache}/multifleet" ]; then
    exit 0
fi
MULTIFLEET_CLIENT=${2:-} "$program" hook session-start 2>/dev/null || :
exit 0
