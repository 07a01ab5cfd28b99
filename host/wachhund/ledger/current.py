"""Reading what is so on a robot now, as `present` drew it."""

import json
from typing import Any

from sqlalchemy import Connection, func, select

from wachhund.ledger.records import CurrentState, Fact, Newest
from wachhund.ledger.schema import boots, facts, newest, present
from wachhund_evidence import observation_from_line

MAX_SHOWN = 1_000  # of one list, the newest


def newest_of(connection: Connection, robot: str) -> Newest | None:
    """The facts that presence is computed from; None when nothing came yet."""
    row = connection.execute(select(newest).where(newest.c.robot == robot)).one_or_none()
    if row is None:
        return None
    booted = connection.execute(select(func.count()).select_from(boots).where(boots.c.robot == robot)).scalar() or 0
    return Newest(row.received_t, row.nonce_t, row.fresh_t, row.chain, row.seq, row.bootseed, row.tokens, booted)


def _fact(connection: Connection, robot: str, kind: str) -> Fact | None:
    row = connection.execute(select(facts).where(facts.c.robot == robot, facts.c.kind == kind)).one_or_none()
    if row is None:
        return None
    observation = observation_from_line(row.observation)
    host_t = max(0.0, min(row.received_t, row.received_t - (row.token_mono - observation.mono)))
    return Fact(row.received_t, host_t, observation)


def pinned_host_key(connection: Connection, robot: str) -> str | None:
    """The name of the host key that the robot says it believes; None when it never said."""
    told = _fact(connection, robot, "host.key")
    kid = None if told is None else told.observation.fields.get("kid")
    return kid if isinstance(kid, str) else None


def current_state(connection: Connection, robot: str) -> CurrentState:
    """What the robot last said of itself; of each list the newest MAX_SHOWN that have not ended."""
    now = connection.execute(
        select(boots.c.bootseed, boots.c.run_mono)
        .join(newest, (boots.c.robot == newest.c.robot) & (boots.c.bootseed == newest.c.bootseed))
        .where(newest.c.robot == robot)
    ).one_or_none()
    lists: dict[str, tuple[dict[str, Any], ...]] = {"processes": (), "flows": (), "listeners": ()}
    more: dict[str, int] = {}
    for list_ in lists:
        if now is None:
            break
        running = (
            (present.c.robot == robot)
            & (present.c.list == list_)
            & ~present.c.ended
            & (present.c.bootseed == now.bootseed)
            & (present.c.token_mono >= now.run_mono)
        )
        query = select(present.c.fields, present.c.host_t).where(running).order_by(present.c.token_mono.desc())
        rows = connection.execute(query.limit(MAX_SHOWN)).all()
        lists[list_] = tuple({**json.loads(row.fields), "host_t": row.host_t} for row in rows)
        count = connection.execute(select(func.count()).select_from(present).where(running)).scalar() or 0
        if count > len(rows):
            more[list_] = count - len(rows)
    return CurrentState(
        coverage=_fact(connection, robot, "coverage"),
        heartbeat=_fact(connection, robot, "heartbeat"),
        started=_fact(connection, robot, "agent.start"),
        stopped=_fact(connection, robot, "agent.stop"),
        processes=lists["processes"],
        flows=lists["flows"],
        listeners=lists["listeners"],
        more=more,
    )
