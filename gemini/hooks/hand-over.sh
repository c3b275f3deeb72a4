# Prints the text that the daemon has laid ready for this session, as the answer of the hook named by $1.
#
# Asks nobody and waits for nothing: with no text there, no process is started. The daemon takes a text back by the same
# rename, so one text is never shown twice. Always exits 0: another status could block the prompt.

case ${CLAUDE_CODE_SESSION_ID:-} in
'' | *[!0-9a-zA-Z_-]*) exit 0 ;;
esac
box=${MULTIFLEET_HOME:-$HOME/.multifleet}/seeds/$CLAUDE_CODE_SESSION_ID
[ -f "$box/next" ] && [ ! -h "$box/next" ] && [ -O "$box/next" ] || exit 0

# a turn that a Stop hook already prolonged is not prolonged again: two sessions could keep each other awake for ever
if [ "$1" = Stop ]; then
    IFS= read -r event || :
    case $event in
    *'"stop_hook_active":true'*) exit 0 ;;
    esac
fi

mv "$box/next" "$box/taken.$$" 2>/dev/null || exit 0
printf '{"hookSpecificOutput":{"hookEventName":"%s","additionalContext":"' "$1"
exec cat "$box/taken.$$"
