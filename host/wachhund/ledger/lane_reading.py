"""What is unread of a lane, asked of the lane's robots. Numbers are the fleet's: beyond the last that a quiet lane told
is all that the others told since, and to look there for the lane's next is to read that again each time.

Lanes are on a server only. A robot's tokens and observations are numbered in one order (numbers): behind the token of
one that was read come all that were not.
"""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, func, select, true, tuple_

from wachhund.ledger.lanes import JUDGES_OF_LANE
from wachhund.ledger.schema import judgements, observations, robots, tokens

NEAR = 10_000  # numbers of the fleet that are looked through first: some milliseconds, and busy lanes are in them
_EACH = 32  # of a robot at first, where that was not enough: who tells much must not have all read for all robots
_FREQUENT = "heartbeat"  # a kind that each robot tells every few seconds, to be found by observations_by_kind
_GREATEST = 2**63 - 1  # number of a token

CURSOR: ColumnElement[int] = func.coalesce(judgements.c.cursor, 0)  # of the judge of a robot's lane
ROBOTS_AND_JUDGES = robots.outerjoin(judgements, JUDGES_OF_LANE)


def beyond(cursor: ColumnElement[int] | int, most: int) -> FromClause:
    """For a row of `robots`: the numbers (id) of its observations beyond `cursor`, and when each came (received_t); the
    first `most` of them.

    Said of whole keys, ordered by them, and token by token (OFFSET 0): else a server is as ready to look for a robot's
    among all.
    """
    known = observations.alias("known")
    up_to = tuple_(known.c.kind, known.c.id) <= tuple_(_FREQUENT, cursor), known.c.kind >= _FREQUENT
    newest = select(known.c.token).where(known.c.robot == robots.c.id, *up_to)
    newest = newest.order_by(known.c.kind.desc(), known.c.id.desc()).limit(1)
    last = func.coalesce(newest.correlate(robots, judgements).scalar_subquery(), 0)
    key = tuple_(tokens.c.robot, tokens.c.id)
    of_robot = key >= tuple_(robots.c.id, last), key <= tuple_(robots.c.id, _GREATEST)
    within = observations.c.token == tokens.c.id, observations.c.id > cursor
    each = select(observations.c.id).where(*within).offset(0).correlate(tokens, judgements).lateral("each")
    told = select(each.c.id, tokens.c.received_t).select_from(tokens.join(each, true())).where(*of_robot)
    told = told.order_by(tokens.c.robot, tokens.c.id, each.c.id).limit(most)
    return told.correlate(robots, judgements).lateral("told")


def rows_after(
    connection: Connection, joined: Select[Any], cursor: int, limit: int, lane: int, robot: str | None
) -> list[Row[Any]]:
    """At most `limit` rows of `joined` (observations with their tokens) of a lane's robots with an id beyond `cursor`,
    in its order; fewer only where there are no more. `robot`: of this one only."""
    mine = robots.c.lane == lane
    if robot is not None:
        return _of_each(connection, joined, cursor, limit, mine & (robots.c.id == robot))
    near = joined.where(observations.c.id > cursor, observations.c.id <= cursor + NEAR)
    near = near.where(observations.c.robot.in_(select(robots.c.id).where(mine)))
    found = list(connection.execute(near.order_by(observations.c.id).limit(limit)))
    if len(found) < limit and (connection.execute(select(func.max(observations.c.id))).scalar() or 0) > cursor + NEAR:
        found += _of_each(connection, joined, cursor + NEAR, limit - len(found), mine)
    return found


def _of_each(
    connection: Connection, joined: Select[Any], cursor: int, limit: int, mine: ColumnElement[bool]
) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    each = _EACH
    while True:
        left = limit - len(found)
        each = min(each, left)
        told = beyond(cursor, each)
        first = select(told.c.id).select_from(robots.join(told, mine)).order_by(told.c.id).limit(left).subquery()
        rows = connection.execute(joined.join(first, first.c.id == observations.c.id).order_by(observations.c.id)).all()
        count = Counter(row.robot for row in rows)
        last = {row.robot: row.id for row in rows if count[row.robot] == each}
        if not last:
            return [*found, *rows]
        # Of these robots there may be more, between what others told behind that.
        cursor = min(last.values())
        found += (row for row in rows if row.id <= cursor)
        if len(found) == limit:
            return found
        each *= 2
