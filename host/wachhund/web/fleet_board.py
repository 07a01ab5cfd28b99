"""How all robots stand, in memory: read once, then kept up with what the ledger says has changed.

It belongs to one process, and sees what others write to the ledger at its next look. Safe to use from several threads.
"""

import bisect
import gc
import heapq
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wachhund.ledger import Fault, Ledger
from wachhund.ledger import fleet_look as look
from wachhund.ledger.fleet_look import Heard, Registered, Told
from wachhund.web import standing
from wachhund.web.coverage_said import Sensors, dropped, recently_dropped, said_sensors, statements_of
from wachhund.web.fleet_query import follows_time, split_query
from wachhund.web.fleet_sums import FleetSums, sum_up
from wachhund.web.fleet_view import FleetView, RobotStanding, chosen, fleet_view
from wachhund.web.not_closed import not_closed
from wachhund.web.robot_standing import Known, gravity, next_change, stand, version_word
from wachhund.web.standing import Word

LOOK_S = 0.25  # two looks are at least so far apart, unless something was committed by this process
DROPPED_LOOK_S = 60.0  # "lost events in the last 10 minutes" ends by time alone: a minute's delay is said by its words
_LISTS_KEPT = 32  # answers to queries, until the words of a robot change


@dataclass
class _Kept:
    """One robot, and when its words may change by time alone; `in_heap`: the moment of its entry there.

    `places`: in which token its newest word of each kind stands. `losing`: the sensors it last told of, if any of them
    lost events, and when that was received. Of all others their word is enough: each object kept is one that every pass
    of the garbage collector visits, and there are thousands of robots.
    """

    known: Known
    standing: RobotStanding
    places: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    losing: tuple[Sensors, float] | None = None
    in_heap: float | None = None


@dataclass
class _Lists:
    """What was found for this state of the words; thrown away as a whole when any of them changes."""

    ordered: list[RobotStanding] | None = None
    sums: FleetSums | None = None
    found: dict[tuple[str, str], list[RobotStanding]] = field(default_factory=dict)


class FleetBoard:
    """All robots. `refresh` is what brings it up to date; the views are of the last refresh."""

    def __init__(self, ledger: Ledger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._monotonic = ledger, monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._heard: dict[str, tuple[float, float | None, int]] = {}
        self._due: list[tuple[float, str]] = []
        self._number = 0
        self._looked: tuple[float, int] | None = None
        self._lists = _Lists()

    def view(
        self, query: str, page: int, now: float, sort: str = "worst", on: Collection[str] = (), offers: bool = True
    ) -> FleetView:
        """A page of the fleet as it is now (host time). `on`, `offers`: see `fleet_view`. Raises LedgerError."""
        with self._lock:
            self._refresh(now)
            robots, sums = self._ordered(), self._sums(now)
            found = self._found(query, sort, now)
            return fleet_view(
                robots, query, page, now, sort, on, sums, found, lambda one: self._renewed(one, now), offers
            )

    def by_name(
        self, query: str, after: str | None, limit: int, now: float
    ) -> tuple[list[RobotStanding], int, int]:  # fmt: skip
        """At most `limit` robots that match, of those named behind `after`; how many there are, and how many match.

        Raises LedgerError.
        """
        with self._lock:
            self._refresh(now)
            found = self._found(query, "name", now)
            begin = 0 if after is None else bisect.bisect_right(found, after, key=lambda one: one.name)
            rows = [self._renewed(one, now) for one in found[begin : begin + limit]]
            return rows, len(self._kept), len(found)

    def not_known(self, now: float) -> tuple[int, list[str]]:
        """How many robots there are, and the names of those of which nobody can say who controls them."""
        with self._lock:
            self._refresh(now)
            robots = self._ordered()
            return len(robots), [one.name for one in robots if one.control.word == "unknown"]

    def _renewed(self, robot: RobotStanding, now: float) -> RobotStanding:
        return stand(self._kept[robot.id].known, now)

    def _ordered(self) -> list[RobotStanding]:
        if self._lists.ordered is None:
            self._lists.ordered = sorted((kept.standing for kept in self._kept.values()), key=RobotStanding.rank)
        return self._lists.ordered

    def _sums(self, now: float) -> FleetSums:
        if self._lists.sums is None:
            self._lists.sums = sum_up(self._ordered(), now)
        return self._lists.sums

    def _found(self, query: str, sort: str, now: float) -> list[RobotStanding]:
        by_time = sort == "heard" or follows_time(split_query(query))
        known = None if by_time else self._lists.found.get((query, sort))
        if known is not None:
            return known
        robots = [self._renewed(one, now) for one in self._ordered()] if by_time else self._ordered()
        found = chosen(robots, query, sort, now, sorted_already=True)
        if not by_time and len(self._lists.found) < _LISTS_KEPT:
            self._lists.found[query, sort] = found
        return found

    def _refresh(self, now: float) -> None:
        rings, at = self._ledger.changes.rings, self._monotonic()
        if self._looked is not None and rings == self._looked[1] and at - self._looked[0] < LOOK_S:
            return
        with self._ledger.moment() as connection:
            number = look.newest_change(connection)
            first = not self._kept
            changed = set() if number == self._number else look.changed_since(connection, self._number)
            heard = look.heard(connection)
            spoke = {robot for robot, told in heard.items() if self._heard.get(robot) != told}
            registered = look.registered(connection, None if first else changed)
            there = spoke & {*self._kept, *registered}
            where = look.told_where(connection, None if first else there)
            moved = {robot for (robot, kind), place in where.items() if self._place(robot, kind) != place}
            told = look.told(connection, None if first else moved)
        self._looked, self._number, self._heard = (at, rings), number, heard
        self._take(registered, told, there, now)
        if first and self._kept:
            # What is known of thousands of robots stays: where each pass of the garbage collector visited it again, it
            # held up every page for half a second. What is replaced later is freed all the same.
            gc.collect()
            gc.freeze()

    def _place(self, robot: str, kind: str) -> tuple[str, int, int] | None:
        kept = self._kept.get(robot)
        return None if kept is None else kept.places.get(kind)

    def _take(
        self, registered: Mapping[str, Registered], told: Mapping[tuple[str, str], Told], spoke: set[str], now: float
    ) -> None:
        """Make known what was read, and find the words of those that it changes."""
        restand = {*registered, *(robot for robot, _ in told)}
        raised = not_closed(self._ledger, [one for row in registered.values() for one in row.incidents])
        counting = {str(one["id"]) for one in raised}
        for robot, row in registered.items():
            faults = self._ledger.faults(robot) if row.has_faults else []
            incidents = [one for one in row.incidents if str(one["id"]) in counting]
            self._register(replace(row, incidents=incidents), faults, now)
        for (robot, kind), one in told.items():
            self._told(robot, kind, one, now)
        for robot in spoke:
            kept = self._kept[robot]
            was = kept.known
            kept.known = replace(was, heard=Heard(*self._heard[robot]))
            # The usual case costs nothing more: who was verified a moment ago and speaks on is still.
            if robot not in restand and not (kept.standing.proof.tone == "good" and _is_fresh(kept.known, now)):
                restand.add(robot)
        while self._due and self._due[0][0] <= now:
            _, robot = heapq.heappop(self._due)
            self._kept[robot].in_heap = None
            restand.add(robot)
        for robot in restand:
            self._restand(self._kept[robot], now)

    def _register(self, row: Registered, faults: Sequence[Fault], now: float) -> None:
        kept = self._kept.get(row.id)
        heard = Heard(*self._heard[row.id]) if row.id in self._heard else None
        incidents = sorted(row.incidents, key=gravity)
        if kept is None:
            seen = standing.coverage(None, None)
            known = Known(
                row.id, row.name, row.state, row.created_t, heard, faults, row.link, seen, None, row.sessions,
                incidents, row.labels,
            )  # fmt: skip
            self._kept[row.id] = _Kept(known, stand(known, now))
            self._lists = _Lists()
            return
        kept.known = replace(
            kept.known, name=row.name, state=row.state, faults=faults, link=row.link, sessions=row.sessions,
            incidents=incidents, labels=row.labels, heard=heard,
        )  # fmt: skip

    def _told(self, robot: str, kind: str, told: Told, now: float) -> None:
        kept = self._kept.get(robot)
        if kept is None:
            return
        kept.places[kind] = told.place
        if kind == "agent.start":
            kept.known = replace(kept.known, version=version_word(told.observation.fields.get("version")))
            return
        sensors = said_sensors(told.observation.fields)
        loses = sensors is not None and any(dropped(sensor) for sensor in sensors.values())
        kept.losing = (sensors, told.received_t) if sensors is not None and loses else None
        kept.known = replace(kept.known, seen=standing.coverage(sensors, told.received_t))

    def _lost(self, robot: str, losing: tuple[Sensors, float], now: float) -> Word:
        sensors, received_t = losing
        lost = recently_dropped(statements_of(self._ledger, robot), now)
        marked = {
            name: {**sensor, "recently_dropped": lost[name]} if name in lost else sensor
            for name, sensor in sensors.items()
        }
        return standing.coverage(marked, received_t)

    def _restand(self, kept: _Kept, now: float) -> None:
        if kept.losing is not None:
            kept.known = replace(kept.known, seen=self._lost(kept.known.id, kept.losing, now))
        new = stand(kept.known, now)
        if _words(new) != _words(kept.standing):
            self._lists = _Lists()
            kept.standing = new
        moment = next_change(kept.known, now)
        if kept.losing is not None:
            moment = min(moment or now + DROPPED_LOOK_S, now + DROPPED_LOOK_S)
        if moment is not None and (kept.in_heap is None or moment < kept.in_heap):
            kept.in_heap = moment
            heapq.heappush(self._due, (moment, kept.known.id))


def _is_fresh(known: Known, now: float) -> bool:
    heard = known.heard
    if heard is None or heard.fresh_t is None or (known.link is not None and not known.link.online):
        return False
    return max(now - heard.received_t, now - heard.fresh_t) < standing.VERIFIED_S and heard.received_t - now < 1.0


def _words(robot: RobotStanding) -> tuple[object, ...]:
    """What decides in which lists a robot stands, and where: all but the times and reasons."""
    return (
        robot.name, robot.proof.word, robot.proof.tone, robot.control.word, robot.coverage.word, robot.version,
        robot.labels, len(robot.incidents), len(robot.sessions),
    )  # fmt: skip
