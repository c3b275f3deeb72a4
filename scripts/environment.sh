# Sourced by bin/multifleet and bin/test: finds the environment, or a Python that is new enough to make it.

environment() { # the project's root, the environment's folder, the lock's name: sets `place`, where it is ready
    place=$1/$2
    if [ ! -w "$1" ]; then # an installation that is shared or read-only: the environment lies in the user's cache
        place=$(printf %s "$1" | cksum)
        place=${XDG_CACHE_HOME:-$HOME/.cache}/multifleet/${place% *}$2
    fi
    read -r _ _ lock _ <"$1/$3" || return 1
    made_from=
    { read -r made_from <"$place/made-from"; } 2>/dev/null
    if [ "$made_from" = "$lock" ] && [ -x "$place/bin/python" ]; then
        return 0
    fi
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$python" -I "$1/scripts/make_environment.py" "$1" "$place" "$1/$3"
            return
        fi
    done
    found=$(python3 -V 2>/dev/null) || found=none
    echo "multifleet needs Python 3.11 or later, and found $found: install python3.11 (or later) and start again" >&2
    return 1
}
