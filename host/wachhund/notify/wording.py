"""What a message says: which robot, what, from where, what to do, and where to read on. Text only.

The one link is ours and opens a page behind the log-in; no message holds anything by which something is done.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from wachhund.judge.meaning import LEVELS
from wachhund.ledger.campaigns import KIND as CAMPAIGN
from wachhund.ledger.notify_records import DRILL, DRILL_MISSING, ENDS, INCIDENT, TEST
from wachhund.notify.path_line import outside, path_line
from wachhund.notify.plain_text import plain

LISTED = 20  # incidents in one message; the page has the rest
_TITLE_CHARS, _STEP_CHARS, _STEPS = 150, 300, 5

NEW, GREW, BACK, NOT_TAKEN, CLOSED = "new", "grew", "came back", "nobody has taken it", "closed"
_WHY = {
    NEW: "", GREW: "It has grown since you were told. ", BACK: "It was closed, and came back. ",
    NOT_TAKEN: "Nobody has taken it over so far. ", CLOSED: "It is closed. ",
}  # fmt: skip


def moment(t: float) -> str:
    """Absolute, with the zone named."""
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M UTC")


def gravest(levels: Sequence[str]) -> str:
    """The highest of some levels."""
    return max(levels, key=LEVELS.index)


def record(
    incident: Mapping[str, Any], robot: str, why: str, page: str, robots: Sequence[str] = ()
) -> dict[str, Any]:  # fmt: skip
    """What programs read of an incident, or of a campaign, which has several `robots` (names). Texts are defused here
    too: who knows what draws them."""
    several = {"robots": [plain(name) for name in robots]} if incident["kind"] == CAMPAIGN else {}
    return {
        "id": incident["id"],
        "robot": plain(robot),
        "kind": incident["kind"],
        "level": incident["level"],
        "state": incident["state"],
        "title": plain(incident["title"], _TITLE_CHARS),
        "why": why,
        "path": path_line(incident.get("origin")),
        "from": outside(incident.get("origin")),
        "first_t": incident["first_t"],
        "last_t": incident["last_t"],
        "rules": [plain(rule) for rule in (incident.get("rules") or [])[:10]],
        "attack": [plain(one, 20) for one in (incident.get("attack") or [])[:10]],
        "advice": [plain(step, _STEP_CHARS) for step in (incident.get("advice") or [])[:_STEPS]],
        "link": f"{page}{'campaigns' if several else 'incidents'}/{incident['id']}",
        **several,
    }


def _message(what: str, level: str, title: str, text: str, t: float, link: str, incidents: list[Any]) -> dict[str, Any]:
    data = {"title": title, "level": level, "t": t, "link": link, "incidents": incidents}
    moment_of_it = datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds")
    event = {"type": f"wachhund.{what}", "timestamp": moment_of_it, "data": data}
    return {"title": title, "text": text, "level": level, "event": event}


def of_incidents(records: Sequence[Mapping[str, Any]], t: float, page: str) -> dict[str, Any]:
    """One message about one incident, or about many at once, the gravest first."""
    ranked = sorted(records, key=lambda one: (-LEVELS.index(one["level"]), one["first_t"], one["id"]))
    level = ranked[0]["level"]
    if len(ranked) == 1:
        (one,) = ranked
        robot = f"{one['robot']}: " if one["robot"] and one["robot"] not in one["title"] else ""
        title = f"[{level.upper()}] {robot}{one['title']}"
        return _message(INCIDENT, level, title, _one(one), t, one["link"], list(ranked))
    robots = len({name for one in ranked for name in one.get("robots") or (one["robot"],)})
    sorts = Counter(_sort(one) for one in ranked)
    (most, number), *others = sorts.most_common()
    first = next(one for one in ranked if _sort(one) == most)
    on = f"on {robots} robots" if robots > 1 else f"on {ranked[0]['robot'] or ranked[0]['robots'][0]}"
    title = f"[{level.upper()}] {len(ranked)} incidents {on}: {plain(first['title'], 80)}"
    lines = [f"{len(ranked)} incidents {on}."]
    if robots > 2 and number > 2 and not others:
        lines.append("All of them are of one sort: look first at what these robots share: network, broker, an update.")
    lines.append("")
    lines += [f"- [{one['level'].upper()}] {one['title']}\n  {one['link']}" for one in ranked[:LISTED]]
    if len(ranked) > LISTED:
        lines.append(f"- and {len(ranked) - LISTED} more")
    lines += ["", f"All that are open: {page}incidents"]
    return _message(INCIDENT, level, title, "\n".join(lines), t, f"{page}incidents", list(ranked))


def _sort(one: Mapping[str, Any]) -> str:
    return str(one["rules"][0] if one["rules"] else one["kind"])


def _one(one: Mapping[str, Any]) -> str:
    several = one.get("robots") or ()
    more = f" and {len(several) - LISTED} more" if len(several) > LISTED else ""
    lines = [
        f"Robots: {', '.join(several[:LISTED])}{more}" if several else f"Robot: {one['robot'] or 'none named'}",
        f"What: {one['title']} ({one['kind']}, level {one['level']})",
        f"From where: {one['path']}",
        f"When: first sign {moment(one['first_t'])}, last {moment(one['last_t'])}",
    ]
    if _WHY.get(one["why"]):
        lines.append(_WHY[one["why"]].strip())
    lines += ["", "What to do:"]
    lines += [f"{number}. {step}" for number, step in enumerate(one["advice"], 1)] or [
        "1. Ask whoever is responsible for this robot whether it was wanted."
    ]
    lines += ["", f"Read on: {one['link']}"]
    return "\n".join(lines)


def of_drill(robots: Sequence[str], incident: str | None, t: float, page: str) -> dict[str, Any]:
    """The daily DRILL: what it shows is that you read it."""
    shown = ", ".join(plain(name, 60) for name in robots[:LISTED])
    more = f" and {len(robots) - LISTED} more" if len(robots) > LISTED else ""
    title = f"DRILL: the way from {len(robots)} {'robot' if len(robots) == 1 else 'robots'} to you works"
    link = f"{page}incidents/{incident}" if incident is not None and len(robots) == 1 else f"{page}incidents"
    text = (
        f"DRILL. Nothing has happened.\n\nEach robot's agent makes one drill a day. These came: {shown}{more}."
        "\n\nWhat to do: nothing. When no DRILL comes for more than a day, the way to you is broken."
        f"\n\nRead on: {link}"
    )
    return _message(DRILL, "informational", title, text, t, link, [])


def of_missing_drills(missing: Sequence[tuple[str, float]], t: float, page: str) -> dict[str, Any]:
    """Robots that spoke without a pause, and whose daily drill did not come. `missing`: (name, when the last came)."""
    names = ", ".join(f"{plain(name, 60)} (last {moment(last_t)})" for name, last_t in missing[:LISTED])
    more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
    many = "robots" if len(missing) != 1 else "robot"
    title = f"[HIGH] The daily drill of {len(missing)} {many} did not come"
    text = (
        f"What: {names}{more}: evidence came all the time, the drill did not. The way of alerts is "
        "broken, or the agent was changed.\n\nWhat to do:\n"
        "1. Look at the host first: its page says when a part of it is not well.\n"
        "2. On the robot: systemctl status wachhund-agent; wachhund-agent doctor\n"
        "3. Compare the agent's version on the robot's page with the one you installed.\n\n"
        f"Read on: {page}"
    )
    return _message(DRILL_MISSING, "high", title, text, t, page, [])


def of_ending(
    identity: str, who: str, robots: Sequence[str] | None, until_t: float, t: float, page: str
) -> dict[str, Any]:
    """An authorisation that is over in a day."""
    on = "all robots" if robots is None else ", ".join(plain(name, 60) for name in robots[:LISTED]) or "no robot"
    title = f"Authorisation {plain(identity, 20)} of {plain(who, 60)} ends at {moment(until_t)}"
    text = (
        f"Robot: {on}\nWhat: the authorisation {plain(identity, 20)} for {plain(who)} ends at {moment(until_t)}. From "
        "then on its sessions are told as NOT ALLOWED.\n\nWhat to do: if they are still wanted, make a new one, with "
        f"its reason: wachhund authorise add\n\nRead on: {page}"
    )
    return _message(ENDS, "low", title, text, t, page, [])


def of_test(target: str, by: str, t: float, page: str) -> dict[str, Any]:
    """What the test button sends."""
    title = f"Test of {plain(target, 60)}: you can be told"
    text = (
        f"{plain(by, 60)} asked this host at {moment(t)} to send a test. Nothing has happened.\n\nWhat to do: tell "
        f"{plain(by, 60)} that it arrived.\n\nRead on: {page}settings/notifications"
    )
    return _message(TEST, "informational", title, text, t, f"{page}settings/notifications", [])


def with_id(message: dict[str, Any], identity: str) -> dict[str, Any]:
    """The message with the id that stays the same at each try, also for people."""
    last = f"\n\nMessage {identity}. Should it come twice, it is one and the same."
    return {**message, "id": identity, "text": message["text"] + last}
