"""How whole a robot's evidence is: its chains, and what is missing in them."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from wachhund.ledger import erased, runs
from wachhund.ledger.places import rows_at
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


class Fresh(NamedTuple):
    """For which time fresh evidence came without a pause, and when the last token of any age was received."""

    since_t: float
    until_t: float
    last_t: float

    def is_overdue(self, edge_t: float) -> bool:
        """Whether what lies beside a token of `edge_t` had its time to come. A silence counts for nothing."""
        # A token from later than the last came before our clock was set back.
        since_t = max(self.since_t, edge_t) if edge_t <= self.last_t else self.since_t
        return self.until_t - since_t >= GAP_SECONDS


def fresh(connection: Connection, robot: str) -> Fresh | None:
    """None when no fresh evidence ever came."""
    columns = (newest.c.fresh_t, newest.c.steady_t, newest.c.last_t)
    row = connection.execute(select(*columns).where(newest.c.robot == robot)).one_or_none()
    if row is None or row.fresh_t is None:
        return None
    return Fresh(row.steady_t or 0.0, row.fresh_t, float("inf") if row.last_t is None else row.last_t)


def holes(connection: Connection, robot: str, chain: str, whole: int, fresh: Fresh | None) -> list[Gap]:
    """Runs of numbers that nobody has stated and that later numbers stand beyond.

    What the robot says it still holds back is a hole, and not overdue for as long as it goes on saying so.
    """
    held_from, held_to = _held_back(connection, robot, chain)
    stated = connection.execute(
        select(stated_gaps.c.from_seq, stated_gaps.c.to_seq)
        .where(stated_gaps.c.robot == robot, stated_gaps.c.chain == chain, stated_gaps.c.to_seq > whole)
        .order_by(stated_gaps.c.from_seq)
    ).all()
    spans = runs.holes(connection, robot, chain, whole, MAX_GAPS)
    arrived = _arrivals(connection, robot, chain, [edge for first, last in spans for edge in (first - 1, last + 1)])
    found: list[Gap] = []
    for first, last in spans:
        held = held_from <= first and last <= held_to
        since_t = arrived.get(last + 1, 0.0)
        # Whatever came of what was a hole stands at an edge of what is left of it.
        newest_t = max(since_t, arrived.get(first - 1, 0.0))
        overdue = fresh is not None and not held and fresh.is_overdue(newest_t)
        begin = first
        for one in stated:
            if one.to_seq < begin or one.from_seq > last:
                continue
            if one.from_seq > begin:
                found.append(Gap(chain, begin, one.from_seq - 1, False, None, None, since_t, overdue))
            begin = max(begin, one.to_seq + 1)
        if begin <= last:
            found.append(Gap(chain, begin, last, False, None, None, since_t, overdue))
    return found[:MAX_GAPS]


def _arrivals(connection: Connection, robot: str, chain: str, numbers: Iterable[int]) -> dict[int, float]:
    """When these came, as far as they are held; of an erased one, when the last that was erased with it came."""
    places = [(robot, chain, number) for number in numbers if number > 0]
    rows = rows_at(connection, tokens, ("robot", "chain", "seq"), places)
    arrived = {row["seq"]: row["received_t"] for row in rows}
    for _, _, number in places:
        if number not in arrived and (run := erased.run_at(connection, robot, chain, number)) is not None:
            arrived[number] = run.last_received_t
    return arrived


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
    steady = fresh(connection, robot)
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
        missing = _stated(connection, robot, row.chain) + holes(connection, robot, row.chain, row.seq, steady)
        gone = erased.ends(connection, robot, row.chain)
        numbers = [one for one in (summed.first, summed.last) if one is not None]
        arrived = [one for one in (summed.received_t,) if one is not None]
        if gone is not None:
            numbers += [gone[0].first_seq, gone[1].last_seq]
            arrived.append(gone[1].last_received_t)
        lines.append(
            ChainLine(
                row.chain,
                min(numbers),
                max(numbers),
                row.seq,
                summed.number,
                summed.boots,
                row.first_received_t,
                max(arrived),
                connection.execute(forked).scalar() or 0,
                tuple(sorted(missing, key=lambda gap: gap.from_seq)),
                row.erased,
            )
        )
    return lines


def gaps(connection: Connection, robot: str) -> list[Gap]:
    """Everything that is missing in the robot's chains, stated or not."""
    steady = fresh(connection, robot)
    query = select(chains).where(chains.c.robot == robot).order_by(chains.c.first_received_t.desc()).limit(MAX_CHAINS)
    return [
        gap
        for row in connection.execute(query).all()
        for gap in (
            *_stated(connection, robot, row.chain),
            *holes(connection, robot, row.chain, row.seq, steady),
        )
    ]
