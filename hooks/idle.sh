# Wakes a session that has been idle for a while with what lies ready for it and may wait. $1 is the plugin's folder.
#
# With nothing there, no process is started. At a terminal only: elsewhere the client would wait for it.

[ "${CLAUDE_CODE_ENTRYPOINT:-}" = cli ] || exit 0
case ${CLAUDE_CODE_SESSION_ID:-} in
'' | *[!0-9a-zA-Z_-]*) exit 0 ;;
esac
[ -f "${MULTIFLEET_HOME:-${HOME:-}/.multifleet}/seeds/$CLAUDE_CODE_SESSION_ID/next" ] || exit 0
command -v python3 >/dev/null 2>&1 || exit 0
exec python3 -I -S "$1/hooks/wait.py" now
