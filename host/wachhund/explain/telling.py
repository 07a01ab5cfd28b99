"""An explanation in lines for people, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from wachhund.explain.explaining import Explanation, Seen, Subject
from wachhund.judge.authorisations import OTHER_ROBOTS
from wachhund.judge.wording import endpoint, moment, shown

_LINE_CHARS = 300  # of an observation's fields; `--json` has them whole


def lines_of(one: Explanation) -> Iterator[str]:
    """The explanation: why, what was seen, what was allowed, what would have kept it quiet, what is not known."""
    incident = one.incident
    state = incident["state"] + (f" ({incident['close_reason']})" if incident.get("close_reason") else "")
    yield f"{shown(incident['title'], 400)}"
    since = _at(incident["first_t"])
    yield f"incident {incident['id']}: {incident['kind']}, {incident['level']}, {state}, since {since}"
    yield ""
    yield "Why:"
    for number, cause in enumerate(one.causes, 1):
        yield f"  {number}. {shown(cause.rule, 200)}: {shown(cause.meaning, 600)}"
    yield ""
    yield "Seen, in order:"
    for seen in one.seen:
        yield f"  {_seen(seen)}"
    if one.cut:
        yield f"  and {one.cut} more"
    if not one.seen:
        yield "  nothing is named as evidence"
    yield ""
    yield "Allowed or not:"
    for subject in one.subjects:
        yield from _subject(subject)
    if not one.subjects:
        yield "  it is about no session and no way in: nothing that could be allowed"
    yield ""
    yield "It would have been silent with:"
    for number, cause in enumerate(one.causes, 1):
        yield f"  {number}. {shown(cause.silent, 600)}"
    for subject in one.subjects:
        if subject.by is None:
            yield f"  {subject.command}"
    unknown = incident.get("unknown") or []
    if unknown:
        yield ""
        yield "Not known:"
        yield from (f"  {shown(words, 600)}" for words in unknown)


def json_of(one: Explanation) -> dict[str, Any]:
    """The explanation for programs. Texts of robots are in it as they came."""
    return {
        "incident": {name: one.incident.get(name) for name in ("id", "robot", "kind", "title", "level", "state")},
        "causes": [asdict(cause) for cause in one.causes],
        "seen": [{**asdict(seen), "fields": dict(seen.fields)} for seen in one.seen],
        "subjects": [_subject_json(subject) for subject in one.subjects],
        "unknown": list(one.incident.get("unknown") or []),
        "cut": one.cut,
    }


def _subject_json(subject: Subject) -> dict[str, Any]:
    visit = subject.words
    return {
        "session": subject.session, "surface": visit.surface, "address": visit.address, "user": subject.user,
        "carriers": sorted(visit.carriers), "by": subject.by, "command": subject.command,
        "considered": [asdict(one) for one in subject.considered],
    }  # fmt: skip


def _at(t: float | None) -> str:
    return "at an unknown time" if t is None else moment(t)


def _seen(seen: Seen) -> str:
    item = "" if seen.item is None else f" item {seen.item}"
    place = f"[chain {shown(seen.chain[:8])} seq {seen.seq}{item}]"
    if seen.gone is not None:
        return f"{place} {shown(seen.gone, 600)}"
    told = "the token itself"
    if seen.kind is not None:
        told = f"{shown(seen.kind)} " + " ".join(f"{name}={_value(value)}" for name, value in seen.fields.items())
    return f"{_at(seen.t)} {shown(told, _LINE_CHARS)} {place}"


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int):
        return endpoint(value[0], value[1])
    return json.dumps(value, ensure_ascii=False)  # in quotes: a text must not look like another field


def _subject(subject: Subject) -> Iterator[str]:
    visit = subject.words
    origin = shown(visit.address) if visit.address else "an unknown origin"
    by = shown(", ".join(sorted(visit.carriers)))
    user = f" as {shown(subject.user)}" if subject.user else ""
    if visit.surface is None:
        yield f"  the way in, from {origin}, by {by}: {_word(subject)}"
    else:
        yield f"  session {subject.session}: {shown(visit.surface)}{user} from {origin} by {by}: {_word(subject)}"
    elsewhere = 0
    for one in subject.considered:
        if one.refusal == OTHER_ROBOTS:
            elsewhere += 1
            continue
        later = " (made after the incident began)" if one.made_later else ""
        why = "covers it" if one.refusal is None else f"does not: {one.refusal}"
        yield f"    {one.authorisation} of {shown(one.who)}{later} {why}"
    if elsewhere:
        yield f"    {elsewhere} others do not: they are for other robots"
    if not subject.considered:
        yield "    nothing was ever allowed"


def _word(subject: Subject) -> str:
    return "NOT ALLOWED" if subject.by is None else f"allowed by {subject.by}"
