"""Holds: what must not be forgotten, for how long it is held, and the times that a hold covers."""

from collections.abc import Sequence
from math import inf

from sqlalchemy import Connection, insert, select, update

from wachhund.ledger import acts as log
from wachhund.ledger.keeping_records import REQUEST, Hold
from wachhund.ledger.keeping_schema import erasures, holds
from wachhund.ledger.schema import incidents
from wachhund_evidence import MisuseError

AROUND_S = 60.0  # a token tells what was seen since the one before, over a modem for 40 s: so far a span reaches
MAX_HOLDS = 1_000  # that are on at one time: they are looked through for each slice


def put(
    connection: Connection, robot: str, from_t: float | None, to_t: float | None, incident: str | None, by: str,
    why: str, t: float,
) -> int:  # fmt: skip
    """Begin a hold; its id. Raises MisuseError for another robot's incident, and while something is being erased."""
    begun = (erasures.c.robot == robot) & (erasures.c.reason == REQUEST) & erasures.c.finished_t.is_(None)
    if connection.execute(select(erasures.c.id).where(begun)).first() is not None:
        raise MisuseError("an erasing on request of this robot is under way: wait for its end, then hold the rest")
    if incident is not None and _span_of(connection, robot, incident) is None:
        raise MisuseError(f"incident {incident!r}: no such incident of this robot, or it was erased")
    if len(active(connection, None)) >= MAX_HOLDS:
        raise MisuseError(f"{MAX_HOLDS} holds are on already: release one that is not needed")
    row = {
        "robot": robot, "from_t": from_t, "to_t": to_t, "incident": incident, "by_whom": by, "why": why, "since_t": t,
    }  # fmt: skip
    number = int(connection.execute(insert(holds).values(**row).returning(holds.c.id)).scalar_one())
    log.record(connection, t=t, who=by, act="evidence hold", subject=f"hold {number}", robot=robot, why=why)
    return number


def release(connection: Connection, identity: int, by: str, why: str, t: float) -> Hold:
    """End a hold. Raises MisuseError when there is none of that number, or it has ended."""
    mine = (holds.c.id == identity) & holds.c.released_t.is_(None)
    changed = {"released_t": t, "released_by": by, "released_why": why}
    if connection.execute(update(holds).where(mine).values(**changed)).rowcount != 1:
        raise MisuseError(f"hold {identity}: there is none of that number that is on: see `wachhund kept`")
    ended = Hold(**connection.execute(select(*_WANTED).where(holds.c.id == identity)).mappings().one())
    log.record(connection, t=t, who=by, act="evidence release", subject=f"hold {identity}", robot=ended.robot, why=why)
    return ended


def active(connection: Connection, robot: str | None) -> list[Hold]:
    """The holds that are on, of one robot or all, the newest first."""
    query = select(*_WANTED).where(holds.c.released_t.is_(None))
    if robot is not None:
        query = query.where(holds.c.robot == robot)
    return [Hold(**row) for row in connection.execute(query.order_by(holds.c.id.desc())).mappings()]


def every(connection: Connection, limit: int) -> list[Hold]:
    """All holds, also those that were released, the newest first."""
    query = select(*_WANTED).order_by(holds.c.id.desc()).limit(limit)
    return [Hold(**row) for row in connection.execute(query).mappings()]


def span(connection: Connection, hold: Hold) -> tuple[float, float]:
    """From when to when a hold covers. One of an incident goes on with it."""
    found = _span_of(connection, hold.robot, hold.incident) if hold.incident is not None else None
    if hold.incident is not None:
        # Nothing can have erased a held incident; if its row is gone, all of the robot is held rather than nothing.
        return (-inf, inf) if found is None else (found[0] - AROUND_S, found[1] + AROUND_S)
    return (
        -inf if hold.from_t is None else hold.from_t - AROUND_S,
        inf if hold.to_t is None else hold.to_t + AROUND_S,
    )


def spans(connection: Connection, robot: str) -> list[tuple[float, float]]:
    """What is held of a robot now."""
    return [span(connection, hold) for hold in active(connection, robot)]


def is_held(held: Sequence[tuple[float, float]], first_t: float, last_t: float) -> bool:
    """Whether something that lasted from `first_t` to `last_t` lies in one of these spans, if only in part."""
    return any(begin <= last_t and first_t <= end for begin, end in held)


def _span_of(connection: Connection, robot: str, incident: str) -> tuple[float, float] | None:
    query = select(incidents.c.first_t, incidents.c.last_t).where(
        incidents.c.id == incident, incidents.c.robot == robot, incidents.c.erasure.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.first_t, row.last_t)


_WANTED = (
    holds.c.id, holds.c.robot, holds.c.from_t, holds.c.to_t, holds.c.incident, holds.c.by_whom.label("by"), holds.c.why,
    holds.c.since_t, holds.c.released_t, holds.c.released_by, holds.c.released_why,
)  # fmt: skip
