"""An incident as a document for people: the facts that its page shows, in parts, before anybody writes them down.

Pure. All texts are one line each and already visible: what hides, turns or breaks is shown as its code. `markdown` and
`pdf` write the same record, so that they cannot say different things.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wachhund.judge.wording import moment
from wachhund.web.hops import Hop, path_of
from wachhund.web.path_picture import nobody_allowed, not_allowed_hops
from wachhund.web.robot_text import visible

# Of one part: a document is read by people; the JSON form has all of it.
MAX_LINES = 1_000
MAX_CHARACTERS = 2_000  # of one line

NOT_PROOF = "These are the host's words, not proof: the proof is what the robot signed."


@dataclass(frozen=True)
class Beside:
    """What stands beside an incident. `robot`: what people call it, and its `robot_id` and `kid`, the fingerprint of
    its key (None: no robot of that id is registered). `going_on`: whether it goes on, in words. `state`, `because`:
    where it stands, in words. `held`: what holds its messages back. `done`: (who, when, what, in which words) for each
    act. `told`: a line for each message. `made_t`: when the document is made (host time). `version`: of this program.
    """

    robot: str
    robot_id: str
    kid: str | None
    going_on: str
    state: str
    because: str
    owner: str | None
    held: str | None
    done: Sequence[tuple[str, float, str, str]]
    told: Sequence[str]
    made_t: float
    version: str


@dataclass(frozen=True)
class PathHop:
    """A hop in the words of the page. `forbidden`: it is part of what nobody allowed."""

    word: str
    sure: str
    label: str
    detail: str
    forbidden: bool


@dataclass(frozen=True)
class Part:
    """A part under a heading: an introduction of ours, then lines (or the hops of a path). `kind`: how lines are read:
    as steps with numbers, as a list, or as commands to be typed."""

    heading: str
    intro: str = ""
    lines: tuple[str, ...] = ()
    path: tuple[PathHop, ...] = ()
    kind: Literal["steps", "list", "commands"] = "list"


@dataclass(frozen=True)
class Record:
    """The document. `facts`: names of ours with a robot's, or our, values."""

    title: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    foot: str


def record(incident: Mapping[str, Any], beside: Beside) -> Record:
    """The document of an incident as the ledger has it."""
    sessions = [one for one in incident.get("sessions") or [] if isinstance(one, Mapping)]
    is_use = incident.get("kind") not in ("monitor", "drill")
    parts = [
        Part("What to do", lines=_lines(incident.get("advice")), kind="steps"),
        *([_path(incident, sessions)] if is_use else []),
        _story(incident),
        *([_sessions(sessions)] if is_use else []),
        _unknown(incident),
        _why(incident),
        _done(beside),
        Part("Who was told", lines=_lines(list(beside.told)) or ("Nobody was told of it.",)),
        _evidence(incident),
        _how_to_verify(incident, beside),
    ]
    return Record(
        _one(incident.get("title")),
        _facts(incident, beside),
        tuple(parts),
        f"{NOT_PROOF} As of {moment(beside.made_t)}, Wachhund {beside.version}: "
        f"incident {_one(incident.get('id'))} on {_one(beside.robot)}.",
    )


def _one(value: object) -> str:
    """A text in one line that is as long as people still read."""
    text = visible(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}… (cut)"


def _lines(values: object) -> tuple[str, ...]:
    """The last of them, when there are too many."""
    found = values if isinstance(values, (list, tuple)) else ()
    return tuple(_one(value) for value in found[-MAX_LINES:])


def _facts(incident: Mapping[str, Any], beside: Beside) -> tuple[tuple[str, str], ...]:
    reason = incident.get("close_reason")
    told = (
        ("Robot", f"{beside.robot} (id {beside.robot_id})"),
        ("Still going on?", beside.going_on),
        ("Level", incident.get("level")),
        ("State", f"{beside.state}{f' ({reason})' if reason else ''}: {beside.because}"),
        ("Owner", beside.owner or "nobody"),
        ("Messages", beside.held or "are sent as the routes say"),
        ("First sign", moment(incident["first_t"])),
        ("Last sign", moment(incident["last_t"])),
        ("Surface", incident.get("surface") or "none"),
        ("Kind", incident.get("kind")),
        ("Incident", incident.get("id")),
    )
    clock = _robots_clock(incident)
    return tuple((name, _one(value)) for name, value in (*told, *clock))


def _robots_clock(incident: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the robot itself believes the time was, when it differs: the host's clock is the ruler."""
    first, last = incident.get("robot_first_t"), incident.get("robot_last_t")
    if not isinstance(first, (int, float)) or not isinstance(last, (int, float)):
        return ()
    if abs(float(last) - float(incident["last_t"])) <= 60:
        return ()
    return (("Robot's own clock", f"{moment(first)} to {moment(last)}"),)


def _path(incident: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> Part:
    hops = path_of(incident.get("origin"))
    suspects = not_allowed_hops(hops, nobody_allowed(sessions))
    intro = "From the outside inwards. Each hop says how it is known: seen, joined from several facts, or unknown."
    return Part("The path", intro, path=tuple(_hop(hop, place in suspects) for place, hop in enumerate(hops)))


def _hop(hop: Hop, forbidden: bool) -> PathHop:
    return PathHop(hop.word, hop.sure, hop.label, hop.detail, forbidden)


def _story(incident: Mapping[str, Any]) -> Part:
    told = incident.get("story") or []
    left_out = max(0, len(told) - MAX_LINES)
    cut = f" {left_out} earlier lines are left out here; the JSON form has them all." if left_out else ""
    return Part("What happened", f"In order, in host time.{cut}", _lines(told))


def _sessions(sessions: Sequence[Mapping[str, Any]]) -> Part:
    lines = []
    for one in sessions[:MAX_LINES]:
        user = f" as {one['user']}" if one.get("user") else ""
        ends = f"to {moment(one['last_t'])}" if isinstance(one.get("last_t"), (int, float)) else "still open"
        allowed = "allowed" if one.get("authorisation") is not None else "NOT ALLOWED"
        way = " > ".join("loopback" if hop.kind == "loopback" else hop.label for hop in path_of(one.get("origin")))
        lines.append(_one(f"{one.get('surface')}{user}, {moment(one['first_t'])} {ends}, {allowed}: {way}"))
    return Part("Sessions in it", lines=tuple(lines) or ("Nobody has used this way yet, as far as was seen.",))


def _unknown(incident: Mapping[str, Any]) -> Part:
    nothing = ("Nothing is named. The robot's coverage says what it can see at all.",)
    return Part("What could not be seen", lines=_lines(incident.get("unknown")) or nothing)


def _why(incident: Mapping[str, Any]) -> Part:
    attack = [str(one) for one in incident.get("attack") or []]
    techniques = (_one(f"ATT&CK: {', '.join(attack)}"),) if attack else ()
    return Part("Why this was raised", lines=(*_lines(incident.get("rules")), *techniques))


def _done(beside: Beside) -> Part:
    lines = []
    for by, t, what, text in beside.done:
        first, *more = text.split("\n")
        lines.append(_one(f"{moment(t)}: {by} {what}{f': {first}' if first else ''}"))
        lines += [_one(f"… {line}") for line in more]
    return Part("What people did", lines=tuple(lines[-MAX_LINES:]) or ("Nobody has done or written anything yet.",))


def _evidence(incident: Mapping[str, Any]) -> Part:
    places = [one for one in incident.get("evidence") or [] if isinstance(one, Mapping)]
    lines = []
    for one in places[:MAX_LINES]:
        items = one.get("items") or ()
        of = f", observations {', '.join(map(str, items))}" if items else ""
        where = f"line {one['line']}" if "line" in one else f"chain {one.get('chain')}, number {one.get('seq')}{of}"
        lines.append(_one(where))
    more = len(places) - len(lines)
    cut = f" {more} more stand in the JSON form." if more else ""
    intro = f"Tokens that the robot signed, by the chain they stand in and their number in it.{cut}"
    return Part("Evidence", intro, tuple(lines) or ("None is in the ledger.",))


def _how_to_verify(incident: Mapping[str, Any], beside: Beside) -> Part:
    identity = incident.get("id")
    kid = "" if beside.kid is None else f" The robot's key has the fingerprint {beside.kid}: ask its owner, not us."
    intro = (
        f"{NOT_PROOF} On the host, the first command makes one file of the evidence; the second checks it on any "
        f"machine, offline, with a key that you got from somebody you trust.{kid}"
    )
    lines = (
        f"wachhund export --incident {identity} --out incident-{identity}.zip",
        f"wachhund verify incident-{identity}.zip --key ROBOT.pem",
    )
    return Part("How to verify", _one(intro), tuple(map(_one, lines)), kind="commands")
