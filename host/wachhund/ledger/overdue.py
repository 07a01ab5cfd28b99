"""Holes in a chain that have become gaps: fresh evidence came for ten minutes and none of the hole."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from wachhund.ledger import chain, losses
from wachhund.ledger.fault_kinds import GAP
from wachhund.ledger.noticing import Noticed, keep
from wachhund.ledger.records import Gap
from wachhund.ledger.schema import chains, faults
from wachhund.ledger.sightings import around

_IS_BROKEN = chains.c.seq < chains.c.last_seq
LOOK_S = 1.0  # of host time between two looks at one robot: a gap is ten minutes old before it counts


class OverdueWatch:
    """Looks again when evidence of a robot came, and only beyond what it knows already.

    Bounded by the registered robots and the chains with holes that `chain.MAX_CHAINS` lets it look at.
    """

    def __init__(self) -> None:
        self._looked: dict[str, float] = {}
        self._from: dict[tuple[str, str], int] = {}

    def look(self, connection: Connection, robots: Iterable[str], now: float) -> None:
        """Keep what became a gap. `now`: when the evidence came that was just committed."""
        due = [robot for robot in robots if abs(now - self._looked.get(robot, float("-inf"))) >= LOOK_S]
        self._looked.update(dict.fromkeys(due, now))
        # One question for all: most robots have no hole.
        broken = select(chains.c.robot).where(chains.c.robot.in_(due), _IS_BROKEN).distinct()
        for robot in connection.execute(broken).scalars().all() if due else ():
            self._look_at(connection, robot)

    def _look_at(self, connection: Connection, robot: str) -> None:
        broken = (chains.c.robot == robot) & _IS_BROKEN
        query = select(chains).where(broken).order_by(chains.c.first_received_t.desc()).limit(chain.MAX_CHAINS)
        rows = connection.execute(query).all()
        steady = chain.fresh(connection, robot)
        for row in rows:
            place = (robot, row.chain)
            begin = max(row.seq, self._from.get(place, 0))
            found = chain.holes(connection, robot, row.chain, begin, steady)
            known = _known(connection, robot, row.chain)
            gaps = [part for hole in found if hole.overdue for part in _without(hole, known)]
            keep(connection, [_noticed(connection, robot, row.chain, gap) for gap in gaps])
            end = row.last_seq if len(found) < chain.MAX_GAPS else found[-1].to_seq
            self._from[place] = min([end, *(hole.from_seq - 1 for hole in found if not hole.overdue)])


def _known(connection: Connection, robot: str, chain_id: str) -> list[tuple[int, int]]:
    """Numbers that were noticed as missing before, whatever became of them, and those that this host lost itself."""
    mine = (faults.c.robot == robot) & (faults.c.chain == chain_id) & (faults.c.what == GAP)
    query = select(faults.c.from_seq, faults.c.to_seq).where(mine)
    noticed = [(row.from_seq, row.to_seq) for row in connection.execute(query)]
    return sorted(noticed + losses.spans(connection, robot, chain_id))


def _noticed(connection: Connection, robot: str, chain_id: str, gap: tuple[int, int, float]) -> Noticed:
    first, last, since_t = gap
    shown = around(connection, robot, chain_id, first, last)
    return Noticed(robot, GAP, chain_id, since_t, f"{first} {last}", first, last, shown)


def _without(hole: Gap, known: list[tuple[int, int]]) -> list[tuple[int, int, float]]:
    """The parts of a hole that nobody has noticed yet: (first, last, since)."""
    parts, first = [], hole.from_seq
    for begin, end in known:
        if end < first or begin > hole.to_seq:
            continue
        if begin > first:
            parts.append((first, begin - 1, hole.since_t))
        first = max(first, end + 1)
    if first <= hole.to_seq:
        parts.append((first, hole.to_seq, hole.since_t))
    return parts
