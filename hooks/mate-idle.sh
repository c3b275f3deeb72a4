# Shows a team mate that goes idle what lies ready for it, and for nobody else. $1 is the plugin's folder.
#
# With nothing there for any mate, no process is started. The client's event names the team and the mate; the session that
# it and the environment name may be the one that leads the team, whose mail is not touched. Always exits 0 by itself:
# the program that takes this process's place ends with 2 where it shows something, and the mate goes on with that.

case ${CLAUDE_CODE_SESSION_ID:-} in
'' | *[!0-9a-zA-Z_-]*) exit 0 ;;
esac
for ready in "${MULTIFLEET_HOME:-${HOME:-}/.multifleet}"/seeds/*_*/next; do
    [ -f "$ready" ] || continue
    command -v python3 >/dev/null 2>&1 || exit 0
    exec python3 -I -S "$1/hooks/wait.py" mate
done
exit 0
