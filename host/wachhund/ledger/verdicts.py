"""What the judge concluded: incidents and sessions, and how far it has read. Replaying evidence gives the same rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from wachhund.ledger.schema import incidents, judgements, sessions


def cursor(connection: Connection) -> int:
    """The id of the last observation that was judged; 0 before the first."""
    return connection.execute(select(judgements.c.cursor)).scalar() or 0


def faults(connection: Connection) -> int:
    """The number of the last fault that was judged; 0 before the first."""
    return connection.execute(select(judgements.c.faults)).scalar() or 0


def save(
    connection: Connection,
    new_cursor: int,
    raised: Sequence[Mapping[str, Any]],
    seen: Sequence[Mapping[str, Any]],
    judged_faults: int,
) -> None:
    """Keep incidents and sessions by their ids, and how far the judge has read."""
    if raised:
        made = insert(incidents)
        changed = {name: made.excluded[name] for name in ("robot", "state", "level", "first_t", "last_t", "body")}
        rows = [
            {
                **{name: incident[name] for name in ("id", "robot", "state", "level", "first_t", "last_t")},
                "body": json.dumps(incident),
            }
            for incident in raised
        ]
        connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed), rows)
    if seen:
        made = insert(sessions)
        changed = {name: made.excluded[name] for name in ("robot", "surface", "first_t", "last_t", "body")}
        rows = [
            {
                **{name: session[name] for name in ("id", "robot", "surface", "first_t", "last_t")},
                "body": json.dumps(session),
            }
            for session in seen
        ]
        connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed), rows)
    reached = {"cursor": new_cursor, "faults": judged_faults}
    kept = insert(judgements).values(id=1, **reached)
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


def list_sessions(connection: Connection, robot: str | None, open_only: bool, limit: int) -> list[dict[str, Any]]:
    """Sessions, the newest first."""
    query = select(sessions.c.body)
    if robot is not None:
        query = query.where(sessions.c.robot == robot)
    if open_only:
        query = query.where(sessions.c.last_t.is_(None))
    rows = connection.execute(query.order_by(sessions.c.first_t.desc(), sessions.c.id).limit(limit))
    return [json.loads(body) for body in rows.scalars()]
