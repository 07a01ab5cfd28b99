"""A match as people and programs read it."""

import json
from collections.abc import Mapping

from wachhund.judge.fact import TokenRef
from wachhund.judge.lookout import Match
from wachhund.judge.wording import shown
from wachhund.keeping.moments import shown as moment

# The fields that say most, in this order; the others follow in --json only.
_TOLD = (
    "Image", "CommandLine", "User", "DestinationIp", "DestinationPort", "DestinationHostname", "TargetFilename",
    "QueryName", "Hashes", "Unit",
)  # fmt: skip
MAX_LINE_CHARS = 400


def as_line(match: Match, names: Mapping[str, str]) -> str:
    """When, where, which rule, what."""
    what = " ".join(f"{name}={shown(str(match.values[name]))}" for name in _TOLD if name in match.values)
    robot = shown(names.get(str(match.fact.robot), str(match.fact.robot)))
    return f"{moment(match.fact.t)}  {robot}  {shown(match.rule.title)}: {what[:MAX_LINE_CHARS]}"


def as_json(match: Match, names: Mapping[str, str]) -> str:
    """The same for programs, with its place in the evidence."""
    ref = match.fact.ref
    told = {
        "robot": match.fact.robot,
        "name": names.get(str(match.fact.robot)),
        "t": match.fact.t,
        "rule": match.rule.id,
        "title": match.rule.title,
        "level": match.rule.level,
        "values": dict(match.values),
    }
    if isinstance(ref, TokenRef):
        told["evidence"] = {"chain": ref.chain, "seq": ref.seq, "item": ref.item}
    return json.dumps(told)
