"""A ledger of lanes as one machine's: how its rows are read for a copy in a file, which has one judge and no lanes.

The one judge begins without minds and reads all evidence again, as it does where minds cannot be read (judge.minding).
What it has to know is how far the ledger has told already what it will find: up to there it writes nothing.
"""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, Select, Table, false, func, literal, select

from wachhund.ledger.lanes import JUDGES_OF_LANE, count, judges_row
from wachhund.ledger.lanes_schema import lanes, workers
from wachhund.ledger.schema import faults, judgements, minds, observations, robots
from wachhund.ledger.verdicts import newest_forgetting


def folded(connection: Connection) -> Mapping[str, Select[tuple[object, ...]]]:
    """Of tables, by name, that are not to be read as they are; of none where there are no lanes."""
    if not count(connection):
        return {}
    judged = {
        "id": judges_row(None),
        "cursor": _told_up_to(connection, observations, "cursor"),
        "faults": _told_up_to(connection, faults, "faults"),
        "acts": _acts_told(connection),
        # What was forgotten is in no evidence that is read again, and there is no mind to take it out of.
        "forgotten": newest_forgetting(connection),
        # Nothing is known by heart: until it is, nothing is forgotten by age or size.
        "minded": 0,
        "minded_faults": 0,
        "minded_acts": 0,
    }
    return {
        "robots": _with(robots, {"lane": 0}).order_by(robots.c.id),
        "judgements": _with(judgements, judged),
        # Of one lane they know more than of another, and a judge has one place from which it goes on.
        "minds": select(minds).where(false()),
        "lanes": select(lanes).where(false()),
        "workers": select(workers).where(false()),
    }


def _with(table: Table, values: Mapping[str, int]) -> Select[tuple[object, ...]]:
    """Its columns, some of them with a value of ours. A row for each of its rows; of nothing but values: one."""
    return select(
        *(literal(values[one.name], one.type).label(one.name) if one.name in values else one for one in table.c)
    )


def _told_up_to(connection: Connection, table: Table, name: str) -> int:
    """The number before the first that the judge of its robot's lane has not read.

    Numbers of all lanes are mixed. By the cursor that is furthest, what another lane had still to judge would be told
    by nobody. By the least, a lane where nothing has come for months would have months told again, among it incidents
    whose text was erased since. Up to this number all was judged, and was written with the cursor in one transaction.
    Behind it some lanes were further: their incidents are written again, by the same ids, as they were a moment ago and
    then as they are.
    """
    read: ColumnElement[int] = func.coalesce(judgements.c[name], 0)
    unread = (
        select(func.min(table.c.id))
        .join(robots, robots.c.id == table.c.robot)
        .outerjoin(judgements, JUDGES_OF_LANE)
        .where(table.c.id > read)
    )
    first = connection.execute(unread).scalar()
    if first is not None:
        return int(first) - 1
    return connection.execute(select(func.max(judgements.c[name]))).scalar() or 0


def _acts_told(connection: Connection) -> int:
    """The last act of allowing that every lane of a robot has judged: each of them is for all robots."""
    least = func.min(func.coalesce(judgements.c.acts, 0))
    return connection.execute(select(least).select_from(robots).outerjoin(judgements, JUDGES_OF_LANE)).scalar() or 0
