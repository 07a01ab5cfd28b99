"""Reading evidence back: observations in the order of their commit, and one token with its neighbours."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, union_all

from wachhund.ledger import erased, lane_reading
from wachhund.ledger.dialects import holds_word, is_server
from wachhund.ledger.lanes import robots_of
from wachhund.ledger.records import StoredObservation, StoredToken
from wachhund.ledger.schema import forks, observations, robots, tokens
from wachhund_evidence import EVIDENCE_PROFILE, Observation

_JOINED = (
    select(
        observations.c.id,
        observations.c.robot,
        tokens.c.chain,
        tokens.c.seq,
        observations.c.item,
        tokens.c.bootseed,
        tokens.c.received_t,
        tokens.c.mono.label("token_mono"),
        observations.c.kind,
        observations.c.t.label("robot_t"),  # a row has a `t` of its own
        observations.c.mono,
        observations.c.sensor,
        observations.c.fields,
    )
    .select_from(observations)
    .join(tokens, tokens.c.id == observations.c.token)
)


def _stored(row: Any) -> StoredObservation:
    observation = Observation(row.kind, row.robot_t, row.mono, row.sensor, json.loads(row.fields))
    return StoredObservation(
        row.id, row.robot, row.chain, row.seq, row.item, row.bootseed, row.received_t, row.token_mono, observation
    )


def observations_after(
    connection: Connection,
    cursor: int,
    limit: int,
    robot: str | None,
    kinds: Sequence[str] | None,
    lane: int | None = None,
) -> list[StoredObservation]:
    """At most `limit` observations with an id beyond `cursor`, in the order of their commit. `lane`: of its robots."""
    if lane is not None and kinds is None:
        return [_stored(row) for row in lane_reading.rows_after(connection, _JOINED, cursor, limit, lane, robot)]
    query = _JOINED.where(observations.c.id > cursor, robots_of(observations.c.robot, lane))
    if robot is not None:
        query = query.where(observations.c.robot == robot)
    if kinds is not None:
        query = query.where(observations.c.kind.in_(kinds))
    return [_stored(row) for row in connection.execute(query.order_by(observations.c.id).limit(limit))]


def cursor_at(connection: Connection, since_t: float, robot: str | None) -> int | None:
    """Just before the first observation that arrived at `since_t` or later; None when none did."""
    first: list[int] = []
    known = [robot] if robot is not None else list(connection.execute(select(robots.c.id)).scalars())
    for one in known:
        # + 0: a server looks for the least of a column by going through all rows in its order.
        arrived = select(func.min(tokens.c.id + 0)).where(tokens.c.robot == one, tokens.c.received_t >= since_t)
        token = connection.execute(arrived).scalar()
        if token is not None:
            told = select(observations.c.id).where(observations.c.token >= token)
            first += connection.execute(told.order_by(observations.c.token, observations.c.id).limit(1)).scalars()
    return min(first) - 1 if first else None


def last_observation(connection: Connection) -> int:
    """The id of the newest observation; 0 for none."""
    return connection.execute(select(func.max(observations.c.id))).scalar() or 0


def observations_holding(
    connection: Connection, after: int, up_to: int, robot: str | None, kinds: Sequence[str], words: Sequence[str]
) -> tuple[int, list[StoredObservation]]:
    """How many observations of these kinds have an id beyond `after` up to `up_to`, and those of them whose text holds
    one of `words`, A to Z without regard to case (all of them when there are no words), in the order of their commit.
    """
    within = (observations.c.id > after) & (observations.c.id <= up_to) & observations.c.kind.in_(kinds)
    if robot is not None:
        within &= observations.c.robot == robot
    count = connection.execute(select(func.count()).select_from(observations).where(within)).scalar() or 0
    query = _JOINED.where(within)
    if words:
        query = query.where(or_(*(holds_word(observations.c.fields, word) for word in words)))
    return count, [_stored(row) for row in connection.execute(query.order_by(observations.c.id))] if count else []


def newest_observations(
    connection: Connection, robot: str, limit: int, kinds: Sequence[str] | None, until_t: float | None = None
) -> list[StoredObservation]:
    """The last `limit` observations committed for a robot, newest first. `until_t`: received up to then."""
    if kinds is not None and not kinds:
        return []
    up_to = [] if until_t is None else [tokens.c.received_t <= until_t]
    mine = _JOINED.where(observations.c.robot == robot, *up_to)
    query: Select[Any]
    if not is_server(connection):
        told = mine if kinds is None else mine.where(observations.c.kind.in_(kinds))
        query = told.order_by(observations.c.id.desc())
    elif kinds is None:  # the same in the order of its tokens, which have an index for it
        query = _JOINED.where(tokens.c.robot == robot, *up_to).order_by(tokens.c.id.desc(), observations.c.item.desc())
    else:  # the newest of each kind: of several at once it would look through all robots'
        each = (mine.where(observations.c.kind == kind).order_by(observations.c.id.desc()) for kind in kinds)
        together = union_all(*(select(one.limit(limit).subquery()) for one in each)).subquery()
        query = select(together).order_by(together.c.id.desc())
    return [_stored(row) for row in connection.execute(query.limit(limit))]


def token(connection: Connection, robot: str, chain: str, seq: int) -> StoredToken | None:
    """One token with its observations, its rivals for the place and its neighbours in the chain."""
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain)
    row = connection.execute(select(tokens).where(mine, tokens.c.seq == seq)).one_or_none()
    if row is None:
        return None
    told = connection.execute(_JOINED.where(observations.c.token == row.id).order_by(observations.c.item))
    rivals = select(forks.c.hash).where(forks.c.robot == robot, forks.c.chain == chain, forks.c.seq == seq)
    return StoredToken(
        row.robot,
        row.chain,
        row.seq,
        row.hash,
        row.prev,
        row.bootseed,
        row.mono,
        row.iat,
        row.nonce_t,
        row.received_t,
        row.profile,
        row.profile == EVIDENCE_PROFILE,
        row.swname,
        row.swversion,
        row.text,
        tuple(_stored(one) for one in told),
        tuple(connection.execute(rivals).scalars()),
        erased.neighbour(connection, robot, chain, seq, -1),
        erased.neighbour(connection, robot, chain, seq, 1),
    )


def places_before(connection: Connection, robot: str, before: int | None, limit: int) -> list[tuple[int, str, int]]:
    """Row, chain and number of a robot's tokens older than the row `before`, in the order of commit, newest first."""
    query = select(tokens.c.id, tokens.c.chain, tokens.c.seq).where(tokens.c.robot == robot)
    if before is not None:
        query = query.where(tokens.c.id < before)
    return [(row.id, row.chain, row.seq) for row in connection.execute(query.order_by(tokens.c.id.desc()).limit(limit))]
