"""Targets and routes, as rows."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from wachhund.ledger.notify_records import WAITING, WITHDRAWN, Hours, Route, Target
from wachhund.ledger.notify_schema import messages, routes, targets, watched
from wachhund_evidence import MisuseError

MAX_TARGETS = 100
MAX_ROUTES = 500


def all_targets(connection: Connection) -> list[Target]:
    """By name."""
    return [_target(row) for row in connection.execute(select(targets).order_by(targets.c.name)).mappings()]


def find(connection: Connection, name: str) -> Target:
    """The target of that name. Raises MisuseError."""
    row = connection.execute(select(targets).where(targets.c.name == name)).mappings().one_or_none()
    if row is None:
        raise MisuseError(f"target {name!r}: there is none: see `wachhund notify list`")
    return _target(row)


def add(connection: Connection, made: Target) -> None:
    """Raises MisuseError when the name is taken, or there are too many."""
    known = all_targets(connection)
    if any(one.name == made.name for one in known):
        raise MisuseError(f"target {made.name!r}: is there already: give another name, or remove it first")
    if len(known) >= MAX_TARGETS:
        raise MisuseError(f"there are {MAX_TARGETS} targets: remove one that is not needed")
    connection.execute(insert(targets).values({**asdict(made), "allowed": json.dumps(made.allowed)}))


def remove(connection: Connection, name: str, t: float) -> Target:
    """With its routes; what waits for it is withdrawn. Raises MisuseError."""
    gone = find(connection, name)
    of_it = select(routes.c.id).where(routes.c.target == gone.id)
    connection.execute(delete(watched).where(watched.c.route.in_(of_it)))
    connection.execute(delete(routes).where(routes.c.target == gone.id))
    waiting = (messages.c.target == gone.id) & (messages.c.state == WAITING)
    ended = {"state": WITHDRAWN, "body": None, "ended_t": t, "words": "its target was removed"}
    connection.execute(update(messages).where(waiting).values(**ended))
    connection.execute(delete(targets).where(targets.c.id == gone.id))
    return gone


def change(connection: Connection, identity: str, **changed: object) -> bool:
    """Columns of a target that is still there. False when it is gone."""
    return bool(connection.execute(update(targets).where(targets.c.id == identity).values(**changed)).rowcount)


def all_routes(connection: Connection) -> list[Route]:
    """In the order of making."""
    return [_route(row) for row in connection.execute(select(routes).order_by(routes.c.id)).mappings()]


def add_route(connection: Connection, made: Route) -> int:
    """Its number. Raises MisuseError when there are too many."""
    if len(all_routes(connection)) >= MAX_ROUTES:
        raise MisuseError(f"there are {MAX_ROUTES} routes: remove one that is not needed")
    values = {name: getattr(made, name) for name in ("target", "level", "after_s", "made_t", "made_by")}
    values["robots"] = None if made.robots is None else json.dumps(made.robots)
    values["hours"] = None if made.hours is None else json.dumps(asdict(made.hours))
    (number,) = connection.execute(insert(routes).values(**values)).inserted_primary_key or (0,)
    return int(number)


def remove_route(connection: Connection, number: int) -> Route:
    """Raises MisuseError when there is none of that number."""
    gone = next((one for one in all_routes(connection) if one.id == number), None)
    if gone is None:
        raise MisuseError(f"route {number}: there is none: see `wachhund notify list`")
    connection.execute(delete(watched).where(watched.c.route == number))
    connection.execute(delete(routes).where(routes.c.id == number))
    return gone


def _target(row: Any) -> Target:
    return Target(**{**row, "allowed": tuple(json.loads(row["allowed"]))})


def _route(row: Any) -> Route:
    robots = None if row["robots"] is None else tuple(json.loads(row["robots"]))
    hours = None
    if row["hours"] is not None:
        told = json.loads(row["hours"])
        hours = Hours(told["begin"], told["end"], tuple(told["days"]), told["zone"])
    return Route(**{**row, "robots": robots, "hours": hours})
