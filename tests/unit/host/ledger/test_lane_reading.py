"""What is unread of a lane: all of it, in its order, and without a walk over what the others told."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench, bench_on
from tests.robots.ledger_place import beside, without_walls
from tests.robots.scripted import ScriptedRobot
from tests.robots.throw_away_postgres import PROGRAMS
from wachhund.ledger import Robot, StoredObservation, lane_reading, reading, unjudged
from wachhund.ledger.lanes import DESK, Lane, LaneBook

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

COUNT = 3
EMPTY = 2  # the lane that no robot is in


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    made = bench_on(ledger_place.server(), tmp_path / "data")
    made.ledger.lanes.make(COUNT)
    yield made
    made.close()


def put(bench: HostBench, lane: int, name: str) -> tuple[ScriptedRobot, Robot]:
    """A robot of that lane, whatever its id says."""
    robot = ScriptedRobot()
    row = bench.add(name, robot)
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql(f"UPDATE robots SET lane = {lane} WHERE id = '{row.id}'")
    return robot, row


def told(robot: ScriptedRobot, count: int, beats: bool) -> str:
    kinds = ["heartbeat" if beats and at == 0 else "process.start" for at in range(count)]
    return robot.token(*(robot.saw(kind, pid=at) for at, kind in enumerate(kinds)))


@pytest.fixture
def mixed(bench: HostBench) -> dict[int, list[StoredObservation]]:
    """What robots of two lanes told in turn, a few much and some nothing, without what was erased; by lane."""
    draw = random.Random(7)
    robots = [(lane, *put(bench, lane, f"r{lane}-{number}")) for lane in (0, 1) for number in range(4)]
    speaking = [*robots[:3], *robots[4:6]]
    for _ in range(60):
        _, robot, row = draw.choice(speaking)
        bench.take(row, *(told(robot, draw.choice((1, 1, 3, 9)), draw.random() < 0.3) for _ in range(2)))
    everything = bench.ledger.observations_after(0, 10_000)
    gone = [two.id for one, two in pairwise(everything) if (one.chain, one.seq) != (two.chain, two.seq)][::7]
    with without_walls(bench.data.ledger) as database:
        database.exec_driver_sql(f"DELETE FROM observations WHERE id IN ({', '.join(map(str, gone))})")
    lane_of = {row.id: lane for lane, _, row in robots}
    left = bench.ledger.observations_after(0, 10_000)
    return {lane: [one for one in left if lane_of[one.robot] == lane] for lane in range(COUNT)}


@pytest.mark.parametrize(("near", "each"), [(10_000, 32), (40, 2), (1, 1)])
def test_a_lanes_judge_reads_all_of_its_robots_and_nothing_else_in_its_order(
    bench: HostBench, mixed: dict[int, list[StoredObservation]], near: int, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From wherever it is, and short only where there is no more: what it takes for the end must be the end."""
    monkeypatch.setattr(lane_reading, "NEAR", near)
    monkeypatch.setattr(lane_reading, "_EACH", each)
    last = bench.ledger.last_observation()
    for lane, wanted in mixed.items():
        own = bench.ledger.of_lane(Lane(lane, 0))
        for cursor in range(0, last + 2, 9):
            for limit in (1, 5, 10_000):
                unread = [one for one in wanted if one.id > cursor]
                assert own.observations_after(cursor, limit) == unread[:limit]
        robot = wanted[0].robot if wanted else "nobody"
        assert own.observations_after(9, 7, robot) == [one for one in wanted if one.id > 9 and one.robot == robot][:7]


@pytest.mark.parametrize("near", [10_000, 40, 1])
def test_what_is_not_judged_is_counted_from_each_lanes_own_place(
    bench: HostBench, mixed: dict[int, list[StoredObservation]], near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far apart the lanes' judges are."""
    monkeypatch.setattr(unjudged, "NEAR", near)
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    last = bench.ledger.last_observation()
    for places in ((0, 0), (last, 0), (last - 20, last - 60), (30, last), (last, last)):
        for lane, cursor in enumerate(places):
            bench.ledger.of_lane(Lane(lane, held[lane])).save_judgement(cursor, [], [])
        left = [one for lane, cursor in enumerate(places) for one in mixed[lane] if one.id > cursor]
        first_t = min((one.received_t for one in left), default=None)
        assert bench.ledger.unjudged() == (len(left), first_t)


def test_a_lane_that_is_far_behind_is_not_counted_to_its_end(
    bench: HostBench, mixed: dict[int, list[StoredObservation]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages ask each second; what nobody reads may be millions."""
    monkeypatch.setattr(unjudged, "NEAR", 1)
    monkeypatch.setattr(unjudged, "MOST_COUNTED", 10)
    assert bench.ledger.unjudged() == (10, 1_000_000.0)


def rows_read(connection: Connection) -> int:
    """Rows and entries of indexes that this connection has read of evidence, as the server counts them."""
    asked = "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class WHERE relname ~ '^(observations|tokens)'"
    return int(connection.exec_driver_sql(asked).scalar_one())


def test_a_quiet_or_empty_lane_walks_over_nobody_elses_rows(bench: HostBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place stays where its robots last spoke, and is asked for every two seconds for as long as they are off."""
    for name in ("lane_reading", "unjudged"):
        monkeypatch.setattr(f"wachhund.ledger.{name}.NEAR", 50)
    for lane, tokens in ((1, 4), (0, 46)):
        for robot, row in [put(bench, lane, f"r{lane}-{number}") for number in range(5)]:
            bench.take(row, *(told(robot, 13, True) for _ in range(tokens)))
    book = LaneBook(bench.ledger._database, "worker")
    for lane in book.beat():
        if lane.number not in (DESK, EMPTY):
            reached = 20 * 13 if lane.number == 1 else bench.ledger.last_observation()
            bench.ledger.of_lane(lane).save_judgement(reached, [], [])
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("ANALYZE")
    with bench.ledger.moment() as connection:
        before = rows_read(connection)
        assert unjudged.unjudged(connection) == (0, None)
        for lane, cursor in ((1, 20 * 13), (EMPTY, 0)):
            assert reading.observations_after(connection, cursor, 100, None, None, lane) == []
        read = rows_read(connection) - before
    assert read < 500, f"{read} rows and entries of indexes, of {250 * 14} rows"
