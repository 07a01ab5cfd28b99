"""Lanes: the shares of a fleet on several machines. Each robot is in one; a worker that holds a lane is the only one
that takes its robots' evidence in and judges it.

A lane is held for LEASE_S by the server's clock, and again each time its worker says that it is there. Who takes one
over raises its epoch, with a lock that no transaction of the lane runs beside: what an earlier holder still writes is
refused as a whole. DESK is a lane without robots, for what is done once in a fleet.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, bindparam, delete, func, insert, or_, select, true, update

from wachhund.ledger.database import Database, LaneLost
from wachhund.ledger.dialects import upsert
from wachhund.ledger.lanes_schema import lanes, workers
from wachhund.ledger.schema import judgements, robots
from wachhund_evidence import MisuseError

DESK = -1
MOST_LANES = 128
LEASE_S = 5.0
_SLACK_S = 1.0  # a worker stops so much before its lease ends: its question and the answer took time
_SET_BACK_S = 1.0  # a lease that ends so much later than it can was taken before the server's clock was set back
_FORGOTTEN_S = 60.0  # a worker that was not seen for so long is none any more
_LOCKS = 0x4C41  # the first of the two words by which a lane's lock is named


@dataclass(frozen=True)
class Lane:
    """A lane as a worker holds it. `epoch`: how often it was taken."""

    number: int
    epoch: int


@dataclass(frozen=True)
class LaneStanding:
    """`owner`: the worker, empty for nobody. `free_s`: for how long nobody has held it; 0 while somebody does."""

    number: int
    owner: str
    free_s: float


def lane_of(robot: str, count: int) -> int:
    """The lane of a robot (its id) among so many: FNV-1a of 32 bits, as NATS' `partition` has it. Of none: 0."""
    hashed = 0x811C9DC5
    for byte in robot.encode():
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFFFFFF
    return hashed % count if count else 0


def judges_row(lane: int | None) -> int:
    """The row of a lane's judge in `judgements`; the only one of one machine judges as that of lane 0."""
    return (lane or 0) + 1


# The same of a row of `judgements` and one of `robots`, in a statement.
JUDGES_OF_LANE = judgements.c.id == robots.c.lane + 1


def count(connection: Connection) -> int:
    """How many lanes there are; 0 for a ledger of one machine."""
    return connection.execute(select(func.count()).select_from(lanes).where(lanes.c.number != DESK)).scalar() or 0


def lane_in(connection: Connection, robot: str) -> int:
    """The lane that a robot is in; 0 in a ledger of one machine."""
    return connection.execute(select(robots.c.lane).where(robots.c.id == robot)).scalar() or 0


def robots_of(column: ColumnElement[str], lane: int | None) -> ColumnElement[bool]:
    """That a robot is in a lane. None: in any."""
    return true() if lane is None else column.in_(select(robots.c.id).where(robots.c.lane == lane))


def lock_words(number: int) -> str:
    """SQL that takes a lane's lock for the transaction. Whoever writes in the lane has it alone."""
    return f"SELECT pg_advisory_xact_lock({_LOCKS}, {int(number)})"


def require_held(connection: Connection, held: Mapping[int, int]) -> None:
    """Raises LaneLost unless these lanes (epochs by number), whose locks the transaction has, are still the same."""
    rows = connection.execute(select(lanes.c.number, lanes.c.epoch).where(lanes.c.number.in_(sorted(held))))
    now = {row.number: row.epoch for row in rows}
    lost = sorted(number for number, epoch in held.items() if now.get(number) != epoch)
    if lost:
        raise LaneLost(f"ledger: lane {', '.join(map(str, lost))}: another worker has taken it over")


def require_robots_held(connection: Connection, wanted: Collection[str]) -> None:
    """Raises LaneLost when a robot (id) is in none of the lanes that the transaction has; a plain one has all.

    What an intake writes of robots asks for this: one that wakes up without its lease would write beside the holder.
    """
    held = connection.get_execution_options().get("lanes")
    if held is None:
        return
    if not held:  # for now, or for good: whose its robots are is not known here
        raise LaneLost("ledger: this worker holds no lane now")
    rows = connection.execute(select(robots.c.id, robots.c.lane).where(robots.c.id.in_(sorted(wanted))))
    foreign = sorted(row.id for row in rows if row.lane not in held)
    if foreign:
        raise LaneLost(f"ledger: robot {foreign[0]}: it is in a lane that this worker does not hold", foreign)


class Lanes:
    """A part of the ledger; every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> int:
        """How many there are; 0 for a ledger of one machine."""
        with self._database.reading() as connection:
            return count(connection)

    def make(self, wanted: int) -> None:
        """Divide the robots, those that are there and those that will be. The judge of each lane goes on where the one
        of all was. Raises MisuseError when there is another number of lanes, or when `wanted` is none."""
        if not 1 <= wanted <= MOST_LANES:
            raise MisuseError(f"--lanes {wanted}: give 1 to {MOST_LANES}")
        self._database.beside(dict)  # a file has no lanes, and says so
        with self._database.writing() as connection:
            there = count(connection)
            if there == wanted:
                return
            if there:
                raise MisuseError(f"--lanes {wanted}: this ledger has {there} lanes, and that cannot be changed")
            numbers = (DESK, *range(wanted))
            connection.execute(
                insert(lanes), [{"number": one, "epoch": 0, "owner": "", "until_t": 0.0} for one in numbers]
            )
            known = list(connection.execute(select(robots.c.id)).scalars())
            if known:
                moved = update(robots).where(robots.c.id == bindparam("robot")).values(lane=bindparam("to"))
                connection.execute(moved, [{"robot": one, "to": lane_of(one, wanted)} for one in known])
            judged = (
                connection.execute(select(judgements).where(judgements.c.id == judges_row(None)))
                .mappings()
                .one_or_none()
            )
            if judged is not None and wanted > 1:
                connection.execute(insert(judgements), [{**judged, "id": judges_row(one)} for one in range(1, wanted)])

    def standing(self) -> list[LaneStanding]:
        """Who holds which, DESK among them; in their order."""
        over_s = (_now() - lanes.c.until_t).label("over_s")
        asked = select(lanes.c.number, lanes.c.owner, over_s).order_by(lanes.c.number)
        with self._database.reading() as connection:
            if not count(connection):
                return []
            rows = connection.execute(asked).all()
        return [_standing(row.number, row.owner, row.over_s) for row in rows]


class LaneBook:
    """What one worker holds. `held` may be asked by any thread; the rest belongs to one."""

    def __init__(self, database: Database, worker: str, mono: Callable[[], float] = time.monotonic) -> None:
        """`worker`: a name that no other has."""
        self._database, self._worker, self._mono = database, worker, mono
        self._held: dict[int, int] = {}
        self._until = float("-inf")
        self._others_first_until = float("-inf")
        self.surplus: frozenset[int] = frozenset()

    @property
    def held(self) -> Mapping[int, int]:
        """Epochs by number, for as long as the lease surely lasts."""
        return self._held if self._mono() < self._until else {}

    def beat(self, is_leaving: bool = False) -> frozenset[Lane]:
        """Say that this worker is there, and take what is free up to its fair share. To be called each second.

        What it holds beyond that is in `surplus`: to be handed on by `give_back`, once nothing is at work in it.
        `is_leaving`: it keeps what it has, and takes nothing. Raises LedgerError; what was held ends by itself then.
        """
        asked_at = self._mono()
        with self._database.aside() as connection:
            now = float(connection.execute(select(_now())).scalar_one())
            seen_t = connection.execute(select(workers.c.seen_t).where(workers.c.id == self._worker)).scalar()
            was_set = seen_t is not None and not now - LEASE_S <= seen_t <= now + _SET_BACK_S
            was_away = float("-inf") < self._until < asked_at
            if is_leaving:  # others' shares grow by ours, or nobody would have what we give back
                connection.execute(delete(workers).where(workers.c.id == self._worker))
            else:
                made = upsert(workers).values(id=self._worker, seen_t=now)
                connection.execute(made.on_conflict_do_update(index_elements=["id"], set_={"seen_t": now}))
            # Who is just saying that it is there after all is left: of two that wait for each other one would fail.
            old = workers.alias("old")
            forgotten = select(old.c.id).where(old.c.seen_t < now - _FORGOTTEN_S).with_for_update(skip_locked=True)
            connection.execute(delete(workers).where(workers.c.id.in_(forgotten)))
            seen = select(func.count()).select_from(workers)
            seen = seen.where(workers.c.seen_t > now - LEASE_S, workers.c.seen_t <= _now() + _SET_BACK_S)
            alive, total = max(1, connection.execute(seen).scalar() or 0), count(connection)
            renewed = update(lanes).where(lanes.c.owner == self._worker).values(until_t=now + LEASE_S)
            rows = connection.execute(renewed.returning(lanes.c.number, lanes.c.epoch))
            held = {row.number: row.epoch for row in rows}
            fair = -(-total // alive)
            own = sorted(number for number in held if number != DESK)
            is_first = self._until == float("-inf")
            if was_set or was_away or (is_first and self._may_come_back(connection, now)):
                # The ledger was away, or its clock was set: the others are about to say that they are there as well.
                self._others_first_until = asked_at + LEASE_S
            taken: dict[int, int] = {}
            if not is_leaving and asked_at >= self._others_first_until:
                taken |= self._take(connection, now, lanes.c.number != DESK, fair - len(own))
                if DESK not in held:
                    taken |= self._take(connection, now, lanes.c.number == DESK, 1)
            if not taken and held.items() <= self._held.items():
                # Nothing is lost with it. While every standby is away all that is committed waits, and who only says
                # that he is there should not: his watchdog would end him.
                connection.exec_driver_sql("SET LOCAL synchronous_commit = local")
            held |= taken
        self._held, self._until = held, asked_at + LEASE_S - _SLACK_S
        self.surplus = frozenset(own[fair:])
        return frozenset(Lane(number, epoch) for number, epoch in held.items())

    def _may_come_back(self, connection: Connection, now: float) -> bool:
        """Whether others have lanes and no lease: they may only have been unable to say that they are there."""
        asked = select(func.count()).select_from(lanes).where(lanes.c.owner != "", _is_over(now))
        return bool(connection.execute(asked).scalar())

    def _take(self, connection: Connection, now: float, which: Any, most: int) -> dict[int, int]:
        """At most so many lanes whose holder is gone, and which no transaction of his is still at work in."""
        if most <= 0:
            return {}
        free = select(lanes.c.number).where(which, _is_over(now)).order_by(lanes.c.until_t, lanes.c.number)
        taken = {}
        for number in connection.execute(free.limit(most).with_for_update(skip_locked=True)).scalars().all():
            is_free = connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_LOCKS}, {int(number)})").scalar()
            if is_free:
                mine = {"epoch": lanes.c.epoch + 1, "owner": self._worker, "until_t": now + LEASE_S}
                made = update(lanes).where(lanes.c.number == number).values(**mine).returning(lanes.c.epoch)
                taken[number] = connection.execute(made).scalar_one()
        return taken

    def pass_by(self, lane: Lane, epoch: int) -> None:
        """Have the lane in a later epoch than this one, which the nodes know and the ledger does not: it has gone back,
        to a backup or another server. Nothing where another has the lane by now. Raises LedgerError.
        """
        self._hold_no_more([lane.number])
        mine = (lanes.c.number == lane.number) & (lanes.c.owner == self._worker) & (lanes.c.epoch == lane.epoch)
        with self._database.aside() as connection:
            connection.execute(update(lanes).where(mine).values(epoch=epoch + 1))

    def give_back(self, numbers: Collection[int]) -> None:
        """Let others have these lanes now. Raises LedgerError; they are free after their lease then."""
        self._hold_no_more(numbers)
        self.surplus -= frozenset(numbers)
        mine = (lanes.c.owner == self._worker) & lanes.c.number.in_(sorted(numbers))
        with self._database.aside() as connection:
            connection.execute(update(lanes).where(mine).values(owner="", until_t=0.0))

    def _hold_no_more(self, numbers: Collection[int]) -> None:
        self._held = {number: epoch for number, epoch in self._held.items() if number not in numbers}

    def leave(self) -> None:
        """Give all back, and be no worker any more, in one: who looks in between would leave us a share. Raises
        LedgerError."""
        self._held = {}
        mine = lanes.c.owner == self._worker
        with self._database.aside() as connection:
            connection.execute(update(lanes).where(mine).values(owner="", until_t=0.0))
            connection.execute(delete(workers).where(workers.c.id == self._worker))


def _standing(number: int, owner: str, over_s: float) -> LaneStanding:
    """`over_s`: for how long the lease is over. Of one from before the clock was set back nobody knows that: said is by
    how much it was, for that the lane is free has to be told."""
    ahead_s = -over_s - LEASE_S
    if ahead_s > _SET_BACK_S:
        return LaneStanding(number, "", ahead_s)
    return LaneStanding(number, owner if over_s < 0 else "", max(0.0, over_s))


def _is_over(now: float) -> ColumnElement[bool]:
    """By the clock as it is when a row is read: others' leases may be newer than `now`."""
    return or_(lanes.c.until_t < now, lanes.c.until_t > _now() + LEASE_S + _SET_BACK_S)


def _now() -> ColumnElement[float]:
    """Seconds since 1970 by the server's clock, at this moment of the transaction: all workers go by one clock."""
    return func.extract("epoch", func.clock_timestamp()).cast(Float)
