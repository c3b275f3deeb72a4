"""Who the chief is: whom the configuration names, else the most senior member that may be and is there.

Nodes that see the same members and the same of them alive come to the same answer without a vote. Where they do not,
there may be two chiefs or none for a while, so nothing may depend on there being exactly one.
"""

from collections.abc import Container

from multifleet.core.roster_view import View, by_seniority


def chief(view: View, alive: Container[str], configured: str = "") -> str | None:
    """The chief's node id; `alive` are node ids, `configured` is config's chief.nodeId. None: there is no chief now.

    A configured chief is the chief, there or not, as long as it is a member: nobody takes its place by being quicker.
    """
    if configured:
        return configured if configured in view.members else None
    for member in by_seniority(view.members.values()):
        if member.eligible and member.node in alive:
            return member.node
    return None
