"""What a page of all robots is drawn from, read in one moment: everything once, then only what changed.

The look costs what has changed and not what there is, but for `newest`, which changes with every token: of it each row
is read, some 1 us a robot.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from wachhund.ledger.dialects import is_server
from wachhund.ledger.labels import Labels, batches, read
from wachhund.ledger.labels_schema import fleet_changes
from wachhund.ledger.records import Link
from wachhund.ledger.schema import facts, faults, incidents, links, newest, robots, sessions
from wachhund_evidence import Observation, observation_from_line

KINDS = ("agent.start", "coverage")
OPEN_STATES = ("open", "acknowledged")
MAX_OF_ONE_ROBOT = 200  # sessions, and incidents, that are kept of one robot: the newest


class Heard(NamedTuple):
    """When a robot was last heard (host time), and how many tokens that were."""

    received_t: float
    fresh_t: float | None
    tokens: int


@dataclass(frozen=True)
class Told:
    """What a robot said of itself, `received_t` in host time; `place`: in which token."""

    received_t: float
    place: tuple[str, int, int]
    observation: Observation


@dataclass(frozen=True)
class Registered:
    """All of a robot that its own tokens don't change. `has_faults`: whether any was ever noticed."""

    id: str
    name: str
    state: str
    created_t: float
    labels: Labels
    link: Link | None
    has_faults: bool
    sessions: Sequence[Mapping[str, Any]]
    incidents: Sequence[Mapping[str, Any]]


def newest_change(connection: Connection) -> int:
    """The number of the last change; 0 before the first. On a server that of the last transaction before which all have
    ended: a later one that ended sooner is told of again, and none that is still at work is passed over."""
    if is_server(connection):
        asked = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1"
        return int(connection.exec_driver_sql(asked).scalar_one())
    return connection.execute(select(func.max(fleet_changes.c.number))).scalar() or 0


def changed_since(connection: Connection, number: int) -> set[str]:
    """The robots (ids) of which something changed beyond that number, but for being heard."""
    return set(connection.execute(select(fleet_changes.c.robot).where(fleet_changes.c.number > number)).scalars())


def heard(connection: Connection) -> dict[str, tuple[float, float | None, int]]:
    """Of each robot that was ever heard: received_t, fresh_t, tokens (see Heard)."""
    raw = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection has ended")
    # Past SQLAlchemy: its rows would cost more than the reading.
    table = f"SELECT {newest.c.robot.name}, received_t, fresh_t, tokens FROM {newest.name}"  # noqa: S608  our own names
    return {row[0]: row[1:] for row in raw.execute(table)}


def told_where(connection: Connection, wanted: Collection[str] | None) -> dict[tuple[str, str], tuple[str, int, int]]:
    """By robot and kind of KINDS: in which token (chain, seq, item) the newest word stands."""
    found = {}
    query = select(facts.c.robot, facts.c.kind, facts.c.chain, facts.c.seq, facts.c.item)
    for part in batches(wanted):
        chosen = query.where(facts.c.kind.in_(KINDS))
        chosen = chosen if part is None else chosen.where(facts.c.robot.in_(part))
        for robot, kind, chain, seq, item in connection.execute(chosen):
            found[robot, kind] = (chain, seq, item)
    return found


def told(connection: Connection, wanted: Collection[str] | None) -> dict[tuple[str, str], Told]:
    """The same words themselves."""
    found = {}
    for part in batches(wanted):
        chosen = select(facts).where(facts.c.kind.in_(KINDS))
        chosen = chosen if part is None else chosen.where(facts.c.robot.in_(part))
        for row in connection.execute(chosen):
            place = (row.chain, row.seq, row.item)
            found[row.robot, row.kind] = Told(row.received_t, place, observation_from_line(row.observation))
    return found


def registered(connection: Connection, wanted: Collection[str] | None) -> dict[str, Registered]:
    """Robots by id. `wanted`: only these; None: all."""
    labelled = read(connection, wanted)
    found = {}
    for part in batches(wanted):
        link_of, faulty, sessions_of, incidents_of = _beside(connection, part)
        query = select(robots.c.id, robots.c.name, robots.c.state, robots.c.created_t)
        query = query if part is None else query.where(robots.c.id.in_(part))
        for identity, name, state, created_t in connection.execute(query):
            found[identity] = Registered(
                identity, name, state, created_t, labelled.get(identity, Labels()), link_of.get(identity),
                identity in faulty, sessions_of.get(identity, []), incidents_of.get(identity, []),
            )  # fmt: skip
    return found


def _beside(
    connection: Connection, part: Sequence[str] | None
) -> tuple[dict[str, Link], set[str], dict[str, list[Mapping[str, Any]]], dict[str, list[Mapping[str, Any]]]]:
    query = select(links)
    query = query if part is None else query.where(links.c.robot.in_(part))
    link_of = {
        row["robot"]: Link(row["robot"], bool(row["online"]), row["t"]) for row in connection.execute(query).mappings()
    }
    distinct = select(faults.c.robot).distinct()
    distinct = distinct if part is None else distinct.where(faults.c.robot.in_(part))
    faulty = set(connection.execute(distinct).scalars())
    opened = select(sessions.c.robot, sessions.c.body).where(sessions.c.last_t.is_(None))
    opened = opened if part is None else opened.where(sessions.c.robot.in_(part))
    raised = select(incidents.c.robot, incidents.c.body).where(
        incidents.c.robot.is_not(None), incidents.c.state.in_(OPEN_STATES)
    )
    raised = raised if part is None else raised.where(incidents.c.robot.in_(part))
    return (
        link_of, faulty,
        _bodies(connection.execute(opened.order_by(sessions.c.first_t.desc(), sessions.c.id))),
        _bodies(connection.execute(raised.order_by(incidents.c.last_t.desc(), incidents.c.id))),
    )  # fmt: skip


def _bodies(rows: Any) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for robot, body in rows:
        mine = found.setdefault(robot, [])
        if len(mine) < MAX_OF_ONE_ROBOT:
            mine.append(json.loads(body))
    return found
