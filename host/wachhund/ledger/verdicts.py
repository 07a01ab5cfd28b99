"""What the judge concluded: incidents and sessions, how far it has read, and what it has in mind of each robot.

Replaying evidence gives the same rows.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select

from wachhund.ledger import authorisation_uses
from wachhund.ledger.dialects import upsert
from wachhund.ledger.glances import glance_of
from wachhund.ledger.keeping_records import SIZE
from wachhund.ledger.keeping_schema import erasures
from wachhund.ledger.lanes import judges_row, robots_of
from wachhund.ledger.schema import incidents, judgements, minds, sessions
from wachhund.ledger.session_keys import keys_of

_MINDED = ("minded", "minded_faults", "forgotten", "minded_acts")


def _reached(connection: Connection, name: str, lane: int | None) -> int:
    return connection.execute(select(judgements.c[name]).where(judgements.c.id == judges_row(lane))).scalar() or 0


def cursor(connection: Connection, lane: int | None = None) -> int:
    """The id of the last observation that was judged; 0 before the first."""
    return _reached(connection, "cursor", lane)


def minded(connection: Connection, lane: int | None = None) -> tuple[int, int, int, int]:
    """How far the kept minds know: the last observation, the last fault, the last act of forgetting, the last act of
    allowing; 0 for none."""
    wanted = select(*(judgements.c[name] for name in _MINDED))
    row = connection.execute(wanted.where(judgements.c.id == judges_row(lane))).one_or_none()
    return (0, 0, 0, 0) if row is None else (row[0], row[1], row[2], row[3])


def newest_forgetting(connection: Connection) -> int:
    """The last act of forgetting that concerns what a judge has in mind. By size nothing goes that it concluded."""
    return connection.execute(select(func.max(erasures.c.id)).where(erasures.c.reason != SIZE)).scalar() or 0


def read_minds(connection: Connection, lane: int | None = None) -> dict[str, tuple[str, bytes]]:
    """(version, body) of what the judge had in mind of each robot."""
    rows = connection.execute(select(minds).where(robots_of(minds.c.robot, lane)))
    return {row.robot: (row.version, row.body) for row in rows}


def put_mind(connection: Connection, robot: str, version: str, body: bytes | None) -> None:
    """Keep what the judge has in mind of a robot. None: it is lost, and the judge has to judge that robot again."""
    if body is None:
        connection.execute(delete(minds).where(minds.c.robot == robot))
        return
    made = upsert(minds).values(robot=robot, version=version, body=body)
    changed = {"version": version, "body": body}
    connection.execute(made.on_conflict_do_update(index_elements=["robot"], set_=changed))


def save_minds(
    connection: Connection,
    known: tuple[int, int, int, int],
    version: str,
    bodies: Mapping[str, bytes | None],
    lane: int | None = None,
) -> None:
    """Keep the minds that changed. `known`: how far they and the others know, as `minded` has it."""
    for robot, body in bodies.items():
        put_mind(connection, robot, version, body)
    changed = dict(zip(_MINDED, known, strict=True))
    kept = upsert(judgements).values(id=judges_row(lane), cursor=0, **changed)
    connection.execute(kept.on_conflict_do_update(index_elements=["id"], set_=changed))


def faults(connection: Connection, lane: int | None = None) -> int:
    """The number of the last fault that was judged; 0 before the first."""
    return _reached(connection, "faults", lane)


def acts(connection: Connection, lane: int | None = None) -> int:
    """The number of the last act of allowing that was judged; 0 before the first."""
    return _reached(connection, "acts", lane)


def save(
    connection: Connection,
    new_cursor: int,
    raised: Sequence[Mapping[str, Any]],
    seen: Sequence[Mapping[str, Any]],
    judged_faults: int | None,
    judged_acts: int | None,
    lane: int | None = None,
) -> None:
    """Keep incidents and sessions by their ids, and how far the judge has read."""
    if raised:
        made = upsert(incidents)
        # An incident whose text was erased is told anew, of what is left: then it is none that was erased any more.
        names = ("robot", "state", "level", "first_t", "last_t", "body", "erasure", "glance", "glance_mark")
        changed = {name: made.excluded[name] for name in names}
        rows = [
            {
                **{name: incident[name] for name in ("id", "robot", "state", "level", "first_t", "last_t")},
                "body": json.dumps(incident),
                **glance_of(incident),
            }
            for incident in raised
        ]
        connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed), rows)
    if seen:
        authorisation_uses.note(connection, seen)
        made = upsert(sessions)
        changed = {name: column for name, column in made.excluded.items() if name != "id"}
        rows = [
            {
                **{name: session[name] for name in ("id", "robot", "surface", "first_t", "last_t")},
                "body": json.dumps(session),
                **keys_of(session),
            }
            for session in seen
        ]
        connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed), rows)
    reached = {"cursor": new_cursor}
    reached |= {} if judged_faults is None else {"faults": judged_faults}
    reached |= {} if judged_acts is None else {"acts": judged_acts}
    kept = upsert(judgements).values(id=judges_row(lane), **reached)
    connection.execute(kept.on_conflict_do_update(index_elements=["id"], set_=reached))


def list_incidents(
    connection: Connection, robot: str | None, state: str | None, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Incidents, the newest first."""
    query = select(incidents.c.body)
    if robot is not None:
        query = query.where(incidents.c.robot == robot)
    if state is not None:
        query = query.where(incidents.c.state == state)
    rows = connection.execute(query.order_by(incidents.c.last_t.desc(), incidents.c.id).limit(limit).offset(offset))
    return [json.loads(body) for body in rows.scalars()]


def incident(connection: Connection, identity: str) -> dict[str, Any] | None:
    """One incident."""
    body = connection.execute(select(incidents.c.body).where(incidents.c.id == identity)).scalar()
    return None if body is None else dict(json.loads(body))


def count_incidents(connection: Connection, robot: str | None) -> dict[tuple[str, str], int]:
    """How many incidents stand in each (state, level)."""
    query = select(incidents.c.state, incidents.c.level, func.count().label("number"))
    if robot is not None:
        query = query.where(incidents.c.robot == robot)
    rows = connection.execute(query.group_by(incidents.c.state, incidents.c.level))
    return {(row.state, row.level): row.number for row in rows}


def list_sessions(
    connection: Connection, robot: str | None, open_only: bool, limit: int, at_t: float | None = None
) -> list[dict[str, Any]]:
    """Sessions, the newest first; `at_t`: those that were open then (host time)."""
    query = select(sessions.c.body)
    if at_t is not None:
        query = query.where(sessions.c.first_t <= at_t, or_(sessions.c.last_t.is_(None), sessions.c.last_t >= at_t))
    if robot is not None:
        query = query.where(sessions.c.robot == robot)
    if open_only:
        query = query.where(sessions.c.last_t.is_(None))
    rows = connection.execute(query.order_by(sessions.c.first_t.desc(), sessions.c.id).limit(limit))
    return [json.loads(body) for body in rows.scalars()]


def sessions_since(connection: Connection, since_t: float, limit: int) -> list[dict[str, Any]]:
    """Sessions that went on after that time, or still do, the newest first."""
    there = sessions.c.last_t.is_(None) | (sessions.c.last_t >= since_t)
    rows = connection.execute(select(sessions.c.body).where(there).order_by(sessions.c.first_t.desc()).limit(limit))
    return [json.loads(body) for body in rows.scalars()]
