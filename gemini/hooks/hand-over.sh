# Prints the text that the daemon has laid ready for this session, as the answer of the hook named by $1.
#
# Asks nobody and waits for nothing: with no text there, no process is started. The daemon takes a text back by the same
# rename, so one text is never shown twice. Always exits 0: another status could block the prompt.
#
# $2 is the client where it is not Claude Code: such a client names its session in the event alone, and an environment
# that names another one is that of a session above it. It takes a hook that leaves the event unread for one that failed.

event=
if [ -n "${2:-}" ]; then
    event=$(head -c 8192; cat >/dev/null)
    session=${event#*\"session_id\":\"}
    session=${session%%\"*}
else
    session=${CLAUDE_CODE_SESSION_ID:-}
fi
case $session in
'' | *[!0-9a-zA-Z_-]*) exit 0 ;;
esac
box=${MULTIFLEET_HOME:-$HOME/.multifleet}/seeds/$session
# Gemini CLI says nowhere else that a turn is over: the daemon is told where it waits for that, and the turn left alone.
if [ "$1" = AfterAgent ]; then
    [ -f "$box/awaited" ] && [ ! -h "$box/awaited" ] && [ -O "$box/awaited" ] || exit 0
    mv "$box/awaited" "$box/ended" 2>/dev/null
    exit 0
fi
[ -f "$box/next" ] && [ ! -h "$box/next" ] && [ -O "$box/next" ] || exit 0

# A turn that a Stop hook already prolonged is not prolonged again: two sessions could keep each other awake for ever.
# Nor is one of a session that asks nobody: another machine's words would have it act, unseen by its user. So a turn goes
# on only where the event says, once, that neither is so. The modes are those in which the client's own inbox lets another
# session's words in (docs/authority.md); out of a plan a client may go back to asking nobody, and the event does not say.
# Inside of a text in the event each quotation mark has a backslash before it, and no text passes for one of these keys.
if [ "$1" = Stop ]; then
    # Qwen Code does not say whether it asks; hooks of it installed by an earlier version still come here
    [ "${2:-}" != qwen ] || exit 0
    [ -n "$event" ] || IFS= read -r event || :
    case $event in
    *'"stop_hook_active"'*'"stop_hook_active"'* | *'"permission_mode"'*'"permission_mode"'*) exit 0 ;;
    *'"stop_hook_active":false'* | *'"stop_hook_active": false'*) ;;
    *) exit 0 ;;
    esac
    case $event in
    *'"permission_mode":"default"'* | *'"permission_mode": "default"'*) ;;
    *'"permission_mode":"acceptEdits"'* | *'"permission_mode": "acceptEdits"'*) ;;
    *'"permission_mode":"auto"'* | *'"permission_mode": "auto"'*) [ -z "${2:-}" ] || exit 0 ;;
    *'"permission_mode":"dontAsk"'* | *'"permission_mode": "dontAsk"'*) [ -z "${2:-}" ] || exit 0 ;;
    *) exit 0 ;;
    esac
fi

mv "$box/next" "$box/taken.$$" 2>/dev/null || exit 0
if [ "$1 ${2:-}" = "Stop codex" ]; then
    # Codex takes nothing but a reason to go on at the end of a turn; what lies ready ends an object inside of another one
    printf '{"decision":"block","reason":"'
    exec sed 's/}}$/}/' "$box/taken.$$"
fi
printf '{"hookSpecificOutput":{"hookEventName":"%s","additionalContext":"' "$1"
exec cat "$box/taken.$$"
