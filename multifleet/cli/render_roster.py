"""Results about who is in the fleet, for people."""

from typing import Any

from multifleet.cli.table import cell, day, table

Result = dict[str, Any]


def roster(found: Result) -> str:
    """The members, then who is out, then what there is to settle."""
    members = [
        (
            one["node"],
            one["role"] + ("" if one["eligible"] else ", never chief"),
            one["by"] or "founder",
            day(one["at"]) if one["at"] else "-",
            one["key"],
            "" if one["reachable"] else "its card has not come yet",
        )
        for one in found["members"]
    ]
    heads = ("NODE", "ROLE", "LET IN BY", "AT", "KEY", "")
    text = f"fleet {cell(found['fleet'])}, chief {cell(found['chief'] or 'none')}: {cell(found['chief_why'])}\n\n"
    text += table(heads, members, empty="no members: this node itself is out")
    if found["out"]:
        rows = [
            (one["node"], day(one["at"]) if one["at"] else "-", one["key"], one["why"]) for one in found["out"]
        ]
        text += "\n" + table(("OUT", "AT", "KEY", "WHY"), rows, empty="")
    if found["shared_key"] == "retired":
        text += "\nthe fleet's shared key lets nobody in any more, because a machine was revoked: use join codes\n"
    text += "".join(f"to settle: {cell(problem)}\n" for problem in found["disputes"])
    return text + "".join(f"settled here: {cell(words)}\n" for words in found["settled"])


def revoked(found: Result) -> str:
    """What happened, and what may have to follow."""
    node = cell(found["node"])
    lines = [f"{node} is out (key {cell(found['key'])})"]
    if found["how"] == "disputed":
        lines = [
            f"{node} and this node have put each other out: elsewhere both are out "
            "until a third captain revokes one of the two"
        ]
    if found["already"]:
        lines[0] = f"{node} is out already, since {day(found['already_at'])}: {cell(found['already'])}"
    elif found["told"]:
        lines.append(f"{node} itself was told")
    else:
        lines.append(f"{node} itself could not be told; whoever hears of it refuses {node} all the same")
    if found["heard"]:
        lines.append(f"told now: {cell(found['heard'])}")
    if found["not_heard"]:
        lines.append(f"not told yet: {cell(found['not_heard'])}")
    if found["given_up"]:
        lines.append(f"undeliverable now: {_messages(found['given_up'])} to it")
    if found["gone"]:
        lines.append(f"out with it: {cell(found['gone'])}")
    if found["back"]:
        lines.append(f"members again: {cell(found['back'])}")
    if found["turned"] is not None:
        does, undo = ("IS STOPPED", " --undo") if found["turned"] else ("GOES ON", "")
        lines.append(
            f"the fleet {does} by it, for its word about that counts no more: multifleet stop --all{undo} on another "
            "captain makes it as it was"
        )
    if found["stays"]:
        lines.append(f"it had let in {cell(found['stays'])}, who stay: revoke them as well if you do not know them")
    if found["stays_out"]:
        lines.append(
            f"it had put out {cell(found['stays_out'])}, who stay out: "
            f"multifleet revoke {node} --bring-others-back brings them back"
        )
    if found["had_put_out_me"]:
        lines.append(
            "it had put out this machine: members that heard that first refuse this one, and its word, "
            f"until multifleet revoke {node} --bring-others-back is said on a captain that is in"
        )
    if not found["running"]:
        lines.append("next: multifleet up, so that whoever has not heard it does")
    return "".join(f"{line}\n" for line in lines)


def settled(found: Result) -> str:
    """What counts here now, and that it does so nowhere else."""
    lines = ["taken back"]
    if found["holds_with"]:
        lines = [f"this machine holds with {cell(found['holds_with'])} against {cell(found['against'])}"]
    if found["back"]:
        lines.append(f"members again here: {cell(found['back'])}")
    if found["gone"]:
        lines.append(f"out here: {cell(found['gone'])}")
    lines += [f"to settle: {cell(problem)}" for problem in found["disputes"]]
    lines.append(cell(found["note"]))
    return "".join(f"{line}\n" for line in lines)


def left(found: Result) -> str:
    """What was left, and what was lost."""
    node = cell(found["node"])
    if found["new_fleet"] == found["fleet"]:
        return f"{cell(found['note'])}\n"
    told = f"told {cell(found['told'])}" if found["told"] else "nobody has answered"
    lines = [f"{node} has left fleet {cell(found['fleet'])}: {told}"]
    if found["waits"]:
        lines.append(f"told once they look: {'; '.join(map(cell, found['waits']))}")
    if found["not_told"]:
        lines.append(f"not told: {cell(found['not_told'])}{_who_tells(found, node)}")
    if found["given_up"]:
        lines.append(f"undeliverable now: {_messages(found['given_up'])} (multifleet dead)")
    if found["note"]:
        lines.append(cell(found["note"]))
    return "".join(f"{line}\n" for line in lines)


def _who_tells(found: Result, node: str) -> str:
    """How those hear of it whom nothing reached."""
    if found["told"]:
        return ", who hear it from the others"
    tried = "" if found["running"] else " (without a daemon only the direct way was tried)"
    if found["waits"]:
        return f"{tried}, who hear it from the others once these know"
    return f"{tried}: to them {node} is a member still, until multifleet revoke {node} is said on a captain of theirs"


def _messages(many: int) -> str:
    return f"{many} message{'s' if many != 1 else ''}"
