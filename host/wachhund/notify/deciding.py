"""From what changed in the ledger to messages that wait: one round, in the order notice, decide, write.

Each step is one transaction. What was noticed and what is due stand in the ledger, so a host that is killed in between
goes on where it was; a message is written together with the note that it is, so none is written twice.
"""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from wachhund.ledger import campaigns, notify_queue, notify_targets
from wachhund.ledger.notify_records import INCIDENT, Message, Route, Target, Watched
from wachhund.ledger.notifying import Notifying, robot_names
from wachhund.notify import routing, wording
from wachhund.notify.holding_back import HoldsBack

BATCH = 500  # incidents, or what is due, looked at in one transaction
IN_ONE_MESSAGE = 200
# A storm: more than BURST messages to a target within BURST_S, and what comes then is gathered until that time is over.
BURST, BURST_S = 4, 60.0


def new_id() -> str:
    """A message's: it stays whatever happens to it."""
    return f"msg_{uuid.uuid4().hex}"


def notice(notifying: Notifying, t: float) -> bool:
    """Look at incidents and campaigns that changed, and keep when they are due. False when none had."""
    with notifying.reading() as connection:  # most looks find nothing, and nobody is to wait for those
        changed, grown = notify_queue.changed(connection, BATCH), notify_queue.changed_campaigns(connection, BATCH)
    if not changed and not grown:
        return False
    with notifying.writing() as connection:
        routes, names = notify_targets.all_routes(connection), robot_names(connection)
        grown = notify_queue.changed_campaigns(connection, BATCH)
        since_t = notify_queue.campaigns_since(connection)
        news = [one for one in grown if one["last_t"] >= since_t]
        before = notify_queue.watched_of(connection, [one["id"] for one in (*changed, *news)])
        rows: list[Watched] = []
        for incident in (*changed, *news):
            robot = str(incident["robot"] or "")
            if incident["kind"] == routing.DRILL_KIND:
                notify_queue.note_drill(connection, robot, incident["id"], incident["last_t"])
                continue
            for route in routes:
                on = [names.get(one, one) for one in incident.get("robots") or (robot,)]
                if any(routing.fits(route, incident, name) for name in on):
                    known = before.get((incident["id"], route.id))
                    row = routing.noticed(route, incident, known, t)
                    rows += [] if row is None else [row]
        notify_queue.watch(connection, rows)
        notify_queue.note(connection, changed)
        notify_queue.note(connection, [{**one, "state": one["mark"]} for one in grown])
    return True


def write(notifying: Notifying, held_back: HoldsBack, t: float, page: str) -> int:
    """Write messages about what is due. Returns how many."""
    with notifying.reading() as connection:
        if not notify_queue.due(connection, t, 1):
            return 0
    with notifying.writing() as connection:
        due = notify_queue.due(connection, t, BATCH)
        targets = {target.id: target for target in notify_targets.all_targets(connection)}
        routes = {route.id: route for route in notify_targets.all_routes(connection)}
        # What comes to the same target within the time of gathering goes along.
        coming = notify_queue.due(connection, t + routing.GATHER_S, BATCH)
        now_of = notify_queue.bodies(connection, list({row.incident for row in coming}))
        names = robot_names(connection)
        wanted: dict[str, list[Watched]] = defaultdict(list)
        folded = _folded(connection, coming, now_of, t)
        kept: list[Watched] = list(folded)
        coming = [
            row for row in coming if (row.incident, row.route) not in {(one.incident, one.route) for one in folded}
        ]
        ripe = {(row.incident, row.route) for row in due}
        ripe_targets = {routes[row.route].target for row in due if row.route in routes}
        for row in coming:
            route, incident = routes.get(row.route), now_of.get(row.incident)
            if route is None or route.target not in targets or incident is None or incident["state"] == "closed":
                kept.append(dataclasses.replace(row, due_t=None, held=None))
            elif (row.incident, row.route) in ripe or (route.after_s == 0 and route.target in ripe_targets):
                put_off = _put_off(row, route, incident, held_back, t)
                if put_off is not None:
                    kept.append(put_off)
                else:
                    wanted[route.target].append(row)
        written = 0
        for identity, rows in wanted.items():
            wait_t = _storm_until(connection, identity, t)
            if wait_t is not None:
                kept += [dataclasses.replace(row, due_t=wait_t, held="many at once: gathered into one") for row in rows]
                continue
            for part in _parts(rows):
                _one_message(connection, targets[identity], part, now_of, names, t, page)
                kept += [routing.told(row, now_of[row.incident], t) for row in part]
                written += 1
        notify_queue.watch(connection, kept)
    if written:
        notifying.ring()
    return written


def _folded(
    connection: Connection, coming: Sequence[Watched], now_of: Mapping[str, Mapping[str, Any]], t: float
) -> list[Watched]:
    """What is told by the campaign that it is a part of, and not by itself: incidents of which nobody was told yet, all
    of whose sessions are of whom the same route tells."""
    new = [row for row in coming if row.told_t is None and row.why in (wording.NEW, wording.NOT_TAKEN)]
    mine = {row.incident: now_of[row.incident] for row in new if row.incident in now_of}
    parts = campaigns.of_incidents(connection, mine.values())
    if not parts:
        return []
    known = sorted({name for names in parts.values() for name in names})
    watched, whos = notify_queue.watched_of(connection, known), campaigns.whos(connection, known)
    made = []
    for row in new:
        incident = mine.get(row.incident)
        for name in parts.get(row.incident, ()):
            if incident is not None and (name, row.route) in watched and routing.is_all_of(incident, whos[name]):
                made.append(dataclasses.replace(routing.told(row, incident, t), held=f"told with campaign {name}"))
                break
    return made


def _put_off(row: Watched, route: Route, incident: Mapping[str, Any], held_back: HoldsBack, t: float) -> Watched | None:
    """The row for later, when something holds it back; None when it may be told."""
    held = held_back(incident, row.why == wording.GREW, t)
    if held is not None:
        return dataclasses.replace(row, due_t=max(held.until_t, t + 1.0), held=held.why)
    opens_t = routing.opens(route.hours, t)
    if opens_t > t:
        return dataclasses.replace(row, due_t=opens_t, held=f"out of its hours until {wording.moment(opens_t)}")
    return None


def _storm_until(connection: Connection, target: str, t: float) -> float | None:
    made = notify_queue.made_since(connection, target, t - BURST_S, INCIDENT)
    return made[-1] + BURST_S if len(made) >= BURST else None


def _parts(rows: Sequence[Watched]) -> list[list[Watched]]:
    return [list(rows[first : first + IN_ONE_MESSAGE]) for first in range(0, len(rows), IN_ONE_MESSAGE)]


def _one_message(
    connection: Connection, target: Target, rows: Sequence[Watched], now_of: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str], t: float, page: str,
) -> None:  # fmt: skip
    whys = {row.incident: row.why for row in rows}  # two routes may lead to one target
    records = [
        wording.record(
            now_of[one], names.get(str(now_of[one]["robot"]), str(now_of[one]["robot"] or "")), why, page,
            [names.get(robot, robot) for robot in now_of[one].get("robots") or ()],
        )
        for one, why in whys.items()
    ]  # fmt: skip
    parts = [name for one in whys for name in now_of[one].get("incidents") or ()]  # of a campaign: it tells them too
    about = list(dict.fromkeys((*whys, *parts)))
    put(connection, target, INCIDENT, wording.of_incidents(records, t, page), t, about)


def put(
    connection: Connection, target: Target, what: str, message: dict[str, Any], t: float,
    incidents: Mapping[str, str] | Sequence[str] = (), identity: str | None = None,
) -> bool:  # fmt: skip
    """A message into the queue. `identity`: one that says what it is about: it is then written once for all time."""
    made = wording.with_id(message, identity or new_id())
    row = Message(made["id"], target.id, target.name, what, made["title"], made, t)
    return notify_queue.put(connection, row, incidents)
