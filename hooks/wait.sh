# Starts what wakes this session when mail comes, where nothing else can: at a terminal, without an inbox socket.
#
# $1 is the plugin's folder. The client waits for a hook like this without a terminal, so there it ends at once. The
# program takes this process's place, so that the client stays its parent. Always exits 0 by itself.

[ "${CLAUDE_CODE_ENTRYPOINT:-}" = cli ] || exit 0
[ -z "${CLAUDE_CODE_MESSAGING_SOCKET:-}" ] || exit 0
[ -d "${MULTIFLEET_HOME:-${HOME:-}/.multifleet}" ] || exit 0
command -v python3 >/dev/null 2>&1 || exit 0
exec python3 -I -S "$1/hooks/wait.py"
