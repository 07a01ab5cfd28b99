"""Which route tells of an incident, when, and why: plain functions over what stands in the ledger.

The rules, which docs/notifications.md states for people:
- What is new, or came back, is told after GATHER_S, together with what else came until then.
- What grew (a new kind, surface, or address outside; a higher level) is told again, but no sooner than SLACK_S after
  the last time; a higher level does not wait.
- A campaign is told as an incident of all its robots; what it tells is not told by the incidents of which it consists.
- A route with a delay tells only what nobody has taken over by then.
- Out of its hours a route waits until they begin.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from wachhund.judge.meaning import LEVELS
from wachhund.ledger.notify_records import Hours, Route, Watched
from wachhund.ledger.session_keys import who_of
from wachhund.notify import wording
from wachhund.notify.path_line import outside

GATHER_S = 3.0
SLACK_S = 300.0
DRILL_KIND = "drill"
_CLOSED = frozenset({"closed"})  # in the place of marks: whatever comes then is news


def fits(route: Route, incident: Mapping[str, Any], robot: str) -> bool:
    """Whether a route is for an incident at all. `robot`: the robot's name."""
    if LEVELS.index(incident["level"]) < LEVELS.index(route.level):
        return False
    return route.robots is None or any(fnmatchcase(robot, pattern) for pattern in route.robots)


def marks(incident: Mapping[str, Any]) -> frozenset[str]:
    """By what an incident is seen to have grown."""
    found = {f"kind:{incident['kind']}"}
    for session in incident.get("sessions") or ():
        found.add(f"surface:{session.get('surface')}")
        address = outside(session.get("origin"))
        if address is not None:
            found.add(f"from:{address}")
    found |= {f"robot:{robot}" for robot in incident.get("robots") or ()}  # of a campaign
    return frozenset(found)


def is_all_of(incident: Mapping[str, Any], who: str) -> bool:
    """Whether all that an incident is about was done by one somebody (session_keys)."""
    found = [one for one in incident.get("sessions") or () if one.get("authorisation") is None]
    return bool(found) and all(who_of(one) == who for one in found)


def noticed(route: Route, incident: Mapping[str, Any], before: Watched | None, t: float) -> Watched | None:
    """What a route has in mind of an incident that is new or has changed; None: nothing new."""
    if incident["state"] == "closed":
        if before is None or (before.due_t is None and before.told_marks == _CLOSED):
            return None
        return dataclasses.replace(before, due_t=None, held=None, told_marks=_CLOSED)
    if before is None:
        why = wording.NOT_TAKEN if route.after_s > 0 else wording.NEW
        return Watched(incident["id"], route.id, t + max(route.after_s, GATHER_S), why)
    if before.due_t is not None:
        return None
    if before.told_t is None:  # it was closed before anybody was told
        return dataclasses.replace(before, due_t=t + max(route.after_s, GATHER_S), why=wording.BACK)
    if before.told_marks == _CLOSED:
        return dataclasses.replace(before, due_t=t + GATHER_S, why=wording.BACK)
    risen = LEVELS.index(incident["level"]) > LEVELS.index(before.told_level or incident["level"])
    if risen:
        return dataclasses.replace(before, due_t=t + GATHER_S, why=wording.GREW)
    if not marks(incident) <= before.told_marks:
        return dataclasses.replace(before, due_t=max(t + GATHER_S, before.told_t + SLACK_S), why=wording.GREW)
    return None


def told(before: Watched, incident: Mapping[str, Any], t: float) -> Watched:
    """What is in mind once a message about it is written."""
    return dataclasses.replace(
        before, due_t=None, held=None, told_t=t, told_level=incident["level"],
        told_marks=(before.told_marks - _CLOSED) | marks(incident),
    )  # fmt: skip


def opens(hours: Hours | None, t: float) -> float:
    """When a route leads somewhere next: `t` itself while it does."""
    if hours is None:
        return t
    zone = ZoneInfo(hours.zone)
    now = datetime.fromtimestamp(t, zone)
    for back in (1, 0):  # the span that began yesterday may still go on
        begin, end = _span(hours, now - timedelta(days=back), zone)
        if begin.weekday() in hours.days and begin.timestamp() <= t < end.timestamp():
            return t
    for ahead in range(9):
        begin, _ = _span(hours, now + timedelta(days=ahead), zone)
        if begin.weekday() in hours.days and begin.timestamp() >= t:
            return begin.timestamp()
    return t + 86_400.0  # no day at all: looked at again tomorrow


def _span(hours: Hours, day: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin = datetime(day.year, day.month, day.day, hours.begin // 60, hours.begin % 60, tzinfo=zone)
    last = day + timedelta(days=1) if hours.end <= hours.begin else day
    minutes = hours.end % (24 * 60)
    if hours.end == 24 * 60 and hours.begin < hours.end:
        last, minutes = day + timedelta(days=1), 0
    return begin, datetime(last.year, last.month, last.day, minutes // 60, minutes % 60, tzinfo=zone)
