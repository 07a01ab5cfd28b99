"""A match as people and programs read it."""

import json
from collections.abc import Mapping

from wachhund.judge.wording import shown
from wachhund.keeping.moments import shown as moment
from wachhund.rulebook.found import Found

# The fields that say most, in this order; the others follow in --json only.
_TOLD = (
    "Image", "CommandLine", "User", "DestinationIp", "DestinationPort", "DestinationHostname", "TargetFilename",
    "QueryName", "Hashes", "Unit",
)  # fmt: skip
MAX_LINE_CHARS = 400


def as_line(match: Found, names: Mapping[str, str]) -> str:
    """When, where, which rule, what."""
    what = " ".join(f"{name}={shown(str(match.values[name]))}" for name in _TOLD if name in match.values)
    robot = shown(names.get(str(match.robot), str(match.robot)))
    return f"{moment(match.t)}  {robot}  {shown(match.title)}: {what[:MAX_LINE_CHARS]}"


def as_json(match: Found, names: Mapping[str, str]) -> str:
    """The same for programs, with its place in the evidence."""
    ref = match.ref
    told = {
        "robot": match.robot,
        "name": names.get(str(match.robot)),
        "t": match.t,
        "rule": match.rule,
        "title": match.title,
        "level": match.level,
        "values": dict(match.values),
    }
    if ref is not None:
        told["evidence"] = {"chain": ref.chain, "seq": ref.seq, "item": ref.item}
    return json.dumps(told)
