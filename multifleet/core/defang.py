"""Breaks what a peer's text could use to pass for the client's own words: tags, role lines and notices of
agent clients.

A backslash is put in, so that the text stays readable and nobody can mistake what was there. Which texts are
broken is a table; code that only looks similar (`<div>`, `List<User>`) is left alone.
"""

import re
import unicodedata

_REMEMBERED = 4_096
"""Characters of which the form is kept, so that no text can fill the memory."""
_OPENERS = "<\uff1c\ufe64\u2039\u3008\u27e8\u276e\u276c\u29fc\u02c2\u1438"
_TAG = re.compile(
    rf"([{_OPENERS}])(\s*+[/\\\uff0f\u2044\u2215]?\s*+)([^\s<>/\\\uff1e\uff1c\u203a\u3009\u27e9=]{{1,64}})"
)

RESERVED_TAGS = frozenset(
    {
        "admin",
        "assistant",
        "channel",
        "developer",
        "human",
        "instructions",
        "invoke",
        "parameter",
        "prompt",
        "reminder",
        "system",
        "think",
        "user",
    }
)
"""Names of tags that are broken when they stand alone, compared without case, separators and compatibility
forms."""

RESERVED_STEMS = (
    "antml",
    "commandargs",
    "commandmessage",
    "commandname",
    "crosssession",
    "endofturn",
    "environmentcontext",
    "functioncall",
    "functionresult",
    "hookcontext",
    "hookprompt",
    "localcommand",
    "routinefire",
    "sessioncontext",
    "startofturn",
    "statesnapshot",
    "systemprompt",
    "systemreminder",
    "tasknotification",
    "toolcall",
    "toolresponse",
    "toolresult",
    "tooluse",
    "turnaborted",
    "untrustedcontext",
    "userinstructions",
    "usermessage",
    "userprompt",
    "usershellcommand",
)
"""Names of tags that are broken wherever they occur in a tag's name."""

_ROLES = frozenset({"assistant", "developer", "human", "system", "user"})
_ROLE = re.compile(r"^([ \t>*#|-]*)(\w{4,9})(?=[ \t*_]*[:\uff1a\ufe55\ufe13\u2236\ua789\u02d0])", re.MULTILINE)
_NOTICE = re.compile(
    r"([\[\uff3b\u3010\u3014\u27e6])"
    r"(?=\s*(?:system\s+notification|cross-session|request\s+interrupted|system\s+message|end\s+of|/?inst\b))",
    re.IGNORECASE,
)
_HOOK = re.compile(
    r"\b(?=(?:UserPromptSubmit|Session(?:Start|End)|PreToolUse|PostTool(?:Use|Batch)|Stop|Subagent(?:Start|Stop)|"
    r"BeforeAgent|Notification|TeammateIdle)\s+hook\s+"
    r"(?:additional\s+context|success|feedback|blocking\s+error))",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w.-]*")
_TOKEN = re.compile(r"<(?=\|)")
_FENCE = re.compile(
    r"^([ \t]*)(?=(?:<{3,}|>{3,}|-{3,}|={3,})[ \t]*[0-9a-z]{16,}|[0-9a-z]{16,}[ \t]*(?:<{3,}|>{3,}))",
    re.I | re.M,
)


def defang(text: str) -> str:
    """The text with a backslash in everything that a model could take for its client's or its user's
    words."""
    text = _TAG.sub(_broken_tag, text)
    text = _TOKEN.sub(r"<\\", text)
    text = _ROLE.sub(_broken_role, text)
    text = _NOTICE.sub(r"\1\\", text)
    if "hook" in text.casefold():
        text = _HOOK.sub(r"\\", text)
    return _FENCE.sub(r"\1\\", text)


def without_mark(text: str, mark: str) -> str:
    """The text with every occurrence of the mark, in whatever case, broken by a backslash."""
    return re.sub(re.escape(mark), lambda found: f"{found[0][0]}\\{found[0][1:]}", text, flags=re.IGNORECASE)


def _broken_tag(match: re.Match[str]) -> str:
    opener, slash, name = match.groups()
    if not slash.strip() and name[0].isupper() and match.string[match.start() - 1 : match.start()].isalnum():
        return match[0]  # List<User>
    return f"{opener}\\{slash}{name}" if _is_reserved(name.translate(_FOLDED)) else match[0]


def _broken_role(match: re.Match[str]) -> str:
    prefix, name = match.groups()
    return f"{prefix}\\{name}" if name.translate(_FOLDED) in _ROLES else match[0]


def _is_reserved(name: str) -> bool:
    whole = _squeezed(name)
    if whole in RESERVED_TAGS or any(stem in whole for stem in RESERVED_STEMS):
        return True
    # `<user:x` and `<user[x` end a name by what follows it, and a prefix as `<x:user` has is left out by who reads it.
    pieces = [] if whole is name else [*name.split(":"), _WORD.match(name)[0]]  # type: ignore[index]
    return any(_squeezed(piece) in RESERVED_TAGS for piece in pieces)


def _squeezed(name: str) -> str:
    return name if name.isalnum() else "".join(filter(str.isalnum, name))


_LOOKALIKES = dict(
    zip("авеһіјкӏмпорѕтухԁԛԝнαβεικνορτυχսոօ", "abehijklmnopstyxdqwhabeiknoptuxuno", strict=True)
)
"""Cyrillic, Greek and Armenian letters in the small form to which case folding brings them, and what they pass for."""


class _Folded(dict[int, str]):
    """Each character without case, compatibility forms and other alphabets' lookalikes, worked out when it first
    occurs. Of what becomes more than one only ASCII is kept: a single one may stand for eighteen, and no name that is
    looked for has any of these."""

    def __missing__(self, number: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(number)).casefold()
        folded = _LOOKALIKES.get(folded, folded)
        if len(folded) > 1:
            folded = "".join(c for c in folded if c.isascii() and c.isalnum())
        if len(self) < _REMEMBERED:
            self[number] = folded
        return folded


_FOLDED = _Folded()
