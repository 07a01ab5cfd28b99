"""What no judge has read yet: how much, and since when. Pages ask it each second, however far the judges are."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from wachhund.ledger import lanes
from wachhund.ledger.lane_reading import CURSOR, NEAR, ROBOTS_AND_JUDGES, beyond
from wachhund.ledger.schema import judgements, observations, robots, tokens

MOST_COUNTED = 20_000  # of lanes that are far behind: counting them takes some 50 ms
_OF_ROBOT = 200  # and of one of their robots


def unjudged(connection: Connection) -> tuple[int, float | None]:
    """How many observations no judge has read yet, and when the first of them came (host time); None: there is none.

    Of lanes whose judges are more than NEAR numbers behind, at most MOST_COUNTED are counted, and of each of their
    robots _OF_ROBOT.
    """
    reached = {row.id: row.cursor for row in connection.execute(select(judgements.c.id, judgements.c.cursor))}
    cursors = {lane: reached.get(lanes.judges_row(lane), 0) for lane in range(lanes.count(connection))}
    if not cursors:
        return _of_the_only_judge(connection, reached.get(lanes.judges_row(None), 0))
    last = connection.execute(select(func.max(observations.c.id))).scalar() or 0
    near = {lane: cursor for lane, cursor in cursors.items() if cursor >= last - NEAR}
    number, since_t = _of_near(connection, near) if near else (0, None)
    far = cursors.keys() - near.keys()
    if far:
        more, first_t = _of_far(connection, sorted(far))
        number += more
        since_t = min((t for t in (since_t, first_t) if t is not None), default=None)
    return number, since_t


_JOINED = observations.join(tokens, tokens.c.id == observations.c.token)
_SUMMED = func.count().label("number"), func.min(tokens.c.received_t).label("since_t")


def _of_the_only_judge(connection: Connection, cursor: int) -> tuple[int, float | None]:
    row = connection.execute(select(*_SUMMED).select_from(_JOINED).where(observations.c.id > cursor)).one()
    return row.number, row.since_t


def _of_near(connection: Connection, cursors: Mapping[int, int]) -> tuple[int, float | None]:
    """Of lanes that are not far behind: all that came last is looked through once."""
    asked = (
        select(*_SUMMED)
        .select_from(_JOINED.join(ROBOTS_AND_JUDGES, robots.c.id == observations.c.robot))
        .where(observations.c.id > min(cursors.values()), observations.c.id > CURSOR)
        .where(robots.c.lane.in_(sorted(cursors)))
    )
    row = connection.execute(asked).one()
    return row.number, row.since_t


def _of_far(connection: Connection, wanted: Sequence[int]) -> tuple[int, float | None]:
    """Of lanes that are, or that were quiet or without robots all the time: by their robots."""
    mine = robots.c.lane.in_(wanted)
    first, each = beyond(CURSOR, 1), beyond(CURSOR, _OF_ROBOT)
    of_all = select(func.min(first.c.received_t)).select_from(ROBOTS_AND_JUDGES.join(first, mine))
    since_t = connection.execute(of_all).scalar()
    if since_t is None:
        return 0, None
    counted = select(each.c.id).select_from(ROBOTS_AND_JUDGES.join(each, mine)).limit(MOST_COUNTED)
    return connection.execute(select(func.count()).select_from(counted.subquery())).scalar() or 0, since_t
