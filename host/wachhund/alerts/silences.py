"""From what a person types to a silence, and what it would hold back: now, and in the last 30 days."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.alerts.covering import covers
from wachhund.alerts.looks import goes_on, outside
from wachhund.judge.authorisations import SURFACES, parsed_address, parsed_network
from wachhund.judge.incident import KIND_RANK
from wachhund.judge.wording import moment, shown
from wachhund.keeping.moments import parse_moment
from wachhund.ledger import Ledger
from wachhund.ledger.incident_rows import Chosen, IncidentRow
from wachhund.ledger.silence_records import DAY_S, LONGEST_CRITICAL_S, MAX_NAMED, Silence, check_span
from wachhund.people.roles import matches
from wachhund_evidence import MisuseError

BACK_S = 30 * DAY_S
MAX_LOOKED_AT = 50_000  # incidents of a preview, the newest first
MAX_WHY_CHARS = 500  # it stays for ever
MAX_RULE_CHARS = 200
GROUP = "group:"
USUAL_S = 2 * 3_600.0
_LENGTH = re.compile(r"([0-9]{1,6})(m|h|d)")
_UNITS_S = {"m": 60.0, "h": 3_600.0, "d": DAY_S}


@dataclass(frozen=True)
class Typed:
    """What a person typed. Lists are empty for any. `robots`: names, ids, patterns with `*`, or `group:NAME`. `until`:
    a length (30m, 2h, 7d) or a moment; empty: two hours."""

    robots: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    critical: bool = False
    maintenance: bool = False
    ends_unused: bool = False
    begin: str = ""
    until: str = ""
    why: str = ""


@dataclass(frozen=True)
class Preview:
    """What it would hold back. `now`: incidents that need somebody or will ring again; `past`: those of 30 days that it
    would have held back; `cut`: there are more incidents than were looked at."""

    now: tuple[IncidentRow, ...]
    past: tuple[IncidentRow, ...]
    cut: bool


def draft(typed: Typed, ledger: Ledger, author: str, now: float) -> Silence:
    """The silence that is meant, without an id. Raises MisuseError, which names the field."""
    why = typed.why.strip()
    if not why or not why.isprintable() or len(why) > MAX_WHY_CHARS:
        raise MisuseError(f"why: give a reason in 1 to {MAX_WHY_CHARS} printable characters: it stays on record")
    robots = _robots(ledger, _listed("robot", typed.robots)) or None
    rules = tuple(dict.fromkeys(_listed("rule", typed.rules))) or None
    if any(not rule.isprintable() or len(rule) > MAX_RULE_CHARS for rule in rules or ()):
        raise MisuseError(f"rule: give its name as an incident lists it, at most {MAX_RULE_CHARS} characters")
    from_t = parse_moment(typed.begin, "begin") if typed.begin.strip() else now
    one = Silence(
        "", robots, rules, _of("kind", typed.kinds, tuple(KIND_RANK)), _of("surface", typed.surfaces, SURFACES),
        _networks(typed.sources), typed.critical, typed.maintenance, typed.ends_unused, from_t,
        _end(typed.until, from_t), why, author, now,
    )  # fmt: skip
    if typed.maintenance and robots is None:
        raise MisuseError("robot: maintenance is of named robots: name them")
    if (one.robots, one.rules, one.kinds, one.surfaces, one.sources) == (None,) * 5:
        raise MisuseError("scope: that would silence everything: name robots, rules, kinds, surfaces or origins")
    check_span(one)
    return one


def from_incident(incident: Mapping[str, Any], robot: str | None, by_rule: bool = False) -> Typed:
    """What a form offers for an incident: as narrowly as it was. `robot`: its name. `by_rule`: its rules on this robot,
    wherever it comes from."""
    robots, critical = (robot,) if robot is not None else (), incident.get("level") == "critical"
    if by_rule:
        return Typed(robots, tuple(str(rule) for rule in incident.get("rules") or ()), critical=critical)
    known = [one for one in incident.get("sessions") or () if one.get("authorisation") is None]
    surfaces = {str(one.get("surface")) for one in known}
    origins = {address for one in known if (address := outside(one.get("origin"))) is not None}
    kinds = (str(incident.get("kind")),) if incident.get("kind") in KIND_RANK else ()
    return Typed(
        robots=robots, kinds=kinds, critical=critical,
        surfaces=tuple(sorted(surfaces)) if surfaces <= set(SURFACES) else (),
        sources=tuple(sorted(str(parsed) for one in origins if (parsed := parsed_address(one)) is not None)),
    )  # fmt: skip


def preview(ledger: Ledger, one: Silence, now: float) -> Preview:
    """What this silence would hold back. Raises LedgerError."""
    chosen = Chosen(since_t=now - BACK_S)
    rows = ledger.handling.every(chosen, MAX_LOOKED_AT)
    # What began long ago and still stands has no sign of 30 days, but may ring again today.
    rows += [row for row in ledger.handling.unsettled(Chosen()) if row.incident["last_t"] < now - BACK_S]
    covered = [row for row in rows if covers(one, row.incident)]
    here = tuple(row for row in covered if row.incident["state"] != "closed" and row.life.state != "closed")
    past = tuple(row for row in covered if row.incident["last_t"] >= now - BACK_S)
    return Preview(here, past, len(rows) >= MAX_LOOKED_AT)


def matches_now(one: Silence, rows: Sequence[IncidentRow]) -> int:
    """How many of these incidents it covers that still go on or need somebody."""
    return sum(covers(one, row.incident) and (row.life.state != "closed" or goes_on(row.incident)) for row in rows)


def wide_in(one: Silence) -> list[str]:
    """In what it is wider than somebody may have meant."""
    anywhere = one.sources is None or any(parsed_network(source).prefixlen == 0 for source in one.sources)
    hours = f"{LONGEST_CRITICAL_S / 3600:.0f} hours"
    return [
        words
        for is_wide, words in (
            (one.robots is None, "it is for all robots"),
            (one.kinds is None and one.rules is None and not one.maintenance, "it is for whatever happens there"),
            (anywhere and not one.maintenance, "it is from any origin"),
            (one.critical, f"it also holds back what is critical, for at most {hours}"),
        )
        if is_wide
    ]


def typed_list(text: str) -> tuple[str, ...]:
    """What a person typed with commas between."""
    return tuple(value.strip() for value in text.split(",") if value.strip())


def _robots(ledger: Ledger, typed: Sequence[str]) -> tuple[str, ...]:
    """Ids of the robots that are meant, as they are now: one that joins a group later is not silenced by that."""
    found: set[str] = set()
    groups = ledger.people.groups() if any(name.startswith(GROUP) for name in typed) else {}
    known = ledger.robots() if any("*" in name or name.startswith(GROUP) for name in typed) else []
    for name in typed:
        if not name.startswith(GROUP) and "*" not in name:
            found.add(ledger.robot(name).id)
            continue
        patterns = groups.get(name.removeprefix(GROUP)) if name.startswith(GROUP) else (name,)
        if patterns is None:
            raise MisuseError(f"robot: {name!r}: there is no such group")
        here = {robot.id for robot in known if any(matches(pattern, robot.name) for pattern in patterns)}
        if not here:
            raise MisuseError(f"robot: {name!r}: no robot is of it")
        found |= here
    return tuple(sorted(found))


def _listed(field: str, values: Sequence[str]) -> list[str]:
    found = [value.strip() for value in values if value.strip()]
    if len(found) > MAX_NAMED:
        raise MisuseError(f"{field}: at most {MAX_NAMED} of them: make two silences")
    return found


def _of(field: str, values: Sequence[str], known: Sequence[str]) -> tuple[str, ...] | None:
    found = _listed(field, values)
    for value in found:
        if value not in known:
            raise MisuseError(f"{field}: {value!r}: one of {', '.join(known)}")
    return tuple(sorted(set(found), key=known.index)) or None


def _networks(values: Sequence[str]) -> tuple[str, ...] | None:
    made = []
    for value in _listed("origin", values):
        try:
            made.append(str(parsed_network(value)))
        except ValueError as error:
            raise MisuseError(f"origin: {value!r}: {error}: give an address or a network as 192.168.12.0/24") from None
    return tuple(dict.fromkeys(made)) or None


def _end(text: str, from_t: float) -> float:
    if not text.strip():
        return from_t + USUAL_S
    length = _LENGTH.fullmatch(text.strip())
    if length is not None:
        return from_t + int(length[1]) * _UNITS_S[length[2]]
    try:
        return parse_moment(text.strip(), "until")
    except MisuseError as error:
        raise MisuseError(f"{error}; or a length: 30m, 2h, 7d") from None


def line_of(one: Silence, names: Mapping[str, str], now: float) -> str:
    """A silence in one line for people: what, of whom, until when, by whom and why."""
    robots = "all robots" if one.robots is None else ", ".join(names.get(robot, robot) for robot in one.robots)
    scope = [
        f"{word} {', '.join(shown(value) for value in values)}"
        for word, values in (("rule", one.rules), ("kind", one.kinds), ("surface", one.surfaces), ("from", one.sources))
        if values is not None
    ]
    what = "maintenance" if one.maintenance else "silence"
    critical = "also critical" if one.critical else "critical ones ring"
    ended = f", ended by {shown(one.ended_by)}: {shown(one.ended_why or '')}" if one.ended_by is not None else ""
    return (
        f"{one.id} ({what}, {one.state(now)}): {'; '.join([robots, *scope, critical])}; until "
        f"{moment(one.ends_t(now))}: {shown(one.why)} (made by {shown(one.author)} on {moment(one.made_t)}{ended})"
    )
