"""Runs of numbers that are held beyond the first hole of a chain, kept as they come.

A receipt names them, and the way to the next hole is one step however long a run is. A robot that keeps up has none.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from wachhund.ledger.schema import runs
from wachhund_evidence import spans_of

Run = tuple[int, int]  # first and last number


def at(connection: Connection, robot: str, chain: str, number: int) -> Run | None:
    """The run that holds a number."""
    query = (
        select(runs.c.first_seq, runs.c.last_seq)
        .where(runs.c.robot == robot, runs.c.chain == chain, runs.c.first_seq <= number)
        .order_by(runs.c.first_seq.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (row.first_seq, row.last_seq) if row is not None and number <= row.last_seq else None


def lowest(connection: Connection, robot: str, chain: str, limit: int) -> list[Run]:
    """The first runs of a chain, at most so many."""
    query = select(runs.c.first_seq, runs.c.last_seq).where(runs.c.robot == robot, runs.c.chain == chain)
    return [(row.first_seq, row.last_seq) for row in connection.execute(query.order_by(runs.c.first_seq).limit(limit))]


def add(connection: Connection, robot: str, chain: str, numbers: Sequence[int]) -> None:
    """Take numbers in that were not held. A run that others meet becomes one with them."""
    for first, last in spans_of(sorted(numbers)):
        before, after = (at(connection, robot, chain, number) for number in (first - 1, last + 1))
        begin, end = before[0] if before else first, after[1] if after else last
        mine = (runs.c.robot == robot) & (runs.c.chain == chain)
        connection.execute(delete(runs).where(mine, runs.c.first_seq >= begin, runs.c.first_seq <= end))
        connection.execute(insert(runs).values(robot=robot, chain=chain, first_seq=begin, last_seq=end))


def forget(connection: Connection, robot: str, chain: str, whole: int) -> None:
    """What is whole is no run beyond a hole any more."""
    connection.execute(delete(runs).where(runs.c.robot == robot, runs.c.chain == chain, runs.c.last_seq <= whole))


def holes(connection: Connection, robot: str, chain: str, beyond: int, limit: int) -> list[Run]:
    """The numbers beyond `beyond` that are missing before a run: the first such spans, at most so many."""
    mine = (runs.c.robot == robot) & (runs.c.chain == chain) & (runs.c.last_seq > beyond)
    before = func.lag(runs.c.last_seq, 1, beyond).over(order_by=runs.c.first_seq).label("before")
    each = select(runs.c.first_seq, before).where(mine).subquery()
    query = select(each).where(each.c.first_seq > each.c.before + 1).order_by(each.c.first_seq).limit(limit)
    return [(row.before + 1, row.first_seq - 1) for row in connection.execute(query)]
