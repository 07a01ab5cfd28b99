"""How whole a robot's evidence is: its chains, and what is missing in them."""

import json

from sqlalchemy import Connection, func, select

from wachhund.ledger.records import ChainLine, Gap
from wachhund.ledger.schema import chains, facts, forks, newest, stated_gaps, tokens

GAP_SECONDS = 600.0  # protocol.md, Delivery: fresh evidence came for so long and none of the hole
MAX_CHAINS = 100  # shown of a robot, the newest: an honest one has a chain for each journal it lost
MAX_GAPS = 200  # shown of a chain
_MAX_STATED = 5000  # read of a chain, the newest


def _held_back(connection: Connection, robot: str, chain: str) -> tuple[int, int]:
    """The numbers that the robot's newest heartbeat says it keeps for better times (first, last); (0, -1) for none."""
    told = connection.execute(
        select(facts.c.seq, facts.c.observation).where(
            facts.c.robot == robot, facts.c.kind == "heartbeat", facts.c.chain == chain
        )
    ).one_or_none()
    first = None if told is None else json.loads(told.observation).get("held_back_from")
    if told is None or not isinstance(first, int) or isinstance(first, bool):
        return 0, -1
    return first, told.seq


def holes(connection: Connection, robot: str, chain: str, whole: int, fresh_t: float | None) -> list[Gap]:
    """Runs of numbers that nobody has stated and that later numbers stand beyond.

    What the robot says it still holds back is a hole, and not overdue for as long as it goes on saying so.
    """
    held_from, held_to = _held_back(connection, robot, chain)
    stated = connection.execute(
        select(stated_gaps.c.from_seq, stated_gaps.c.to_seq)
        .where(stated_gaps.c.robot == robot, stated_gaps.c.chain == chain, stated_gaps.c.to_seq > whole)
        .order_by(stated_gaps.c.from_seq)
    ).all()
    mine = (tokens.c.robot == robot) & (tokens.c.chain == chain)
    whole_t = connection.execute(select(tokens.c.received_t).where(mine, tokens.c.seq == whole)).scalar() or 0.0
    before = func.lag(tokens.c.seq, 1, whole).over(order_by=tokens.c.seq).label("before")
    before_t = func.lag(tokens.c.received_t, 1, whole_t).over(order_by=tokens.c.seq).label("before_t")
    beyond = select(tokens.c.seq, tokens.c.received_t, before, before_t).where(mine, tokens.c.seq > whole).subquery()
    query = select(beyond).where(beyond.c.seq > beyond.c.before + 1).order_by(beyond.c.seq).limit(MAX_GAPS)
    found: list[Gap] = []
    for row in connection.execute(query):
        first, last = row.before + 1, row.seq - 1
        held = held_from <= first and last <= held_to
        # Whatever came of what was a hole stands at an edge of what is left of it.
        newest_t = max(row.received_t, row.before_t)
        overdue = fresh_t is not None and fresh_t - newest_t >= GAP_SECONDS and not held
        for one in stated:
            if one.to_seq < first or one.from_seq > last:
                continue
            if one.from_seq > first:
                found.append(Gap(chain, first, one.from_seq - 1, False, None, None, row.received_t, overdue))
            first = max(first, one.to_seq + 1)
        if first <= last:
            found.append(Gap(chain, first, last, False, None, None, row.received_t, overdue))
    return found[:MAX_GAPS]


def _stated(connection: Connection, robot: str, chain: str) -> list[Gap]:
    query = (
        select(stated_gaps)
        .where(stated_gaps.c.robot == robot, stated_gaps.c.chain == chain)
        .order_by(stated_gaps.c.from_seq.desc())
        .limit(_MAX_STATED)
    )
    found: list[Gap] = []
    for row in connection.execute(query):
        # A full journal states its losses number by number; for people they are one.
        after = found[-1] if found else None
        if after is not None and after.reason == row.reason and row.to_seq + 1 >= after.from_seq:
            to_seq, since_t = max(after.to_seq, row.to_seq), min(after.since_t, row.received_t)
            lost = (after.lost or 0) + (row.lost or 0) or None
            found[-1] = Gap(chain, row.from_seq, to_seq, True, row.reason, lost, since_t, False)
        else:
            found.append(Gap(chain, row.from_seq, row.to_seq, True, row.reason, row.lost, row.received_t, False))
    return found[:MAX_GAPS]


def chain_lines(connection: Connection, robot: str) -> list[ChainLine]:
    """Each chain of the robot, the newest first."""
    fresh_t = connection.execute(select(newest.c.fresh_t).where(newest.c.robot == robot)).scalar()
    query = select(chains).where(chains.c.robot == robot).order_by(chains.c.first_received_t.desc()).limit(MAX_CHAINS)
    lines = []
    for row in connection.execute(query).all():
        summed = connection.execute(
            select(
                func.min(tokens.c.seq).label("first"),
                func.max(tokens.c.seq).label("last"),
                func.count().label("number"),
                func.count(tokens.c.bootseed.distinct()).label("boots"),
                func.max(tokens.c.received_t).label("received_t"),
            ).where(tokens.c.robot == robot, tokens.c.chain == row.chain)
        ).one()
        forked = select(func.count()).select_from(forks).where(forks.c.robot == robot, forks.c.chain == row.chain)
        missing = _stated(connection, robot, row.chain) + holes(connection, robot, row.chain, row.seq, fresh_t)
        lines.append(
            ChainLine(
                row.chain,
                summed.first,
                summed.last,
                row.seq,
                summed.number,
                summed.boots,
                row.first_received_t,
                summed.received_t,
                connection.execute(forked).scalar() or 0,
                tuple(sorted(missing, key=lambda gap: gap.from_seq)),
            )
        )
    return lines


def gaps(connection: Connection, robot: str) -> list[Gap]:
    """Everything that is missing in the robot's chains, stated or not."""
    fresh_t = connection.execute(select(newest.c.fresh_t).where(newest.c.robot == robot)).scalar()
    query = select(chains).where(chains.c.robot == robot).order_by(chains.c.first_received_t.desc()).limit(MAX_CHAINS)
    return [
        gap
        for row in connection.execute(query).all()
        for gap in (
            *_stated(connection, robot, row.chain),
            *holes(connection, robot, row.chain, row.seq, fresh_t),
        )
    ]
