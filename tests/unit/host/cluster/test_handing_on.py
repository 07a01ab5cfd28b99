"""A lane that a worker hands on: its intake takes care of the lane's robots until then, and not beyond."""

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench, bench_on
from tests.robots.scripted import ScriptedRobot
from tests.robots.throw_away_postgres import PROGRAMS
from tests.waiting import until
from wachhund.cluster.evidence_stream import StreamMessage
from wachhund.cluster.shared_rules import SharedRules
from wachhund.cluster.worker import Worker
from wachhund.fleet.roster import Roster
from wachhund.judge.rule_folder import RuleFolder
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.lanes import DESK, Lane

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

COUNT = 2


class IdleStream:
    """Nothing comes from the nodes but what a test says."""

    def __init__(self) -> None:
        self.lanes: dict[int, int] = {}
        self.come: list[StreamMessage] = []

    def take(self, lane: int, epoch: int) -> None:
        self.lanes[lane] = epoch

    def drop(self, lane: int) -> None:
        self.lanes.pop(lane, None)

    def pull(self, most: int, timeout: float) -> list[Any]:
        come, self.come = self.come, []
        if not come:
            time.sleep(timeout / 10)
        return come


class IntakeThatTells:
    """`cares_for`: the robots that it was told to take care of last, as that was then."""

    room, fault = 1_000, None

    def __init__(self, robots: Collection[str], offered: Callable[[str], None] = lambda robot: None) -> None:
        """`offered`: told of whom something was offered, by the topic."""
        self._robots, self._offered = robots, offered
        self.cares_for: frozenset[str] = frozenset()

    def start(self) -> None:
        """As IntakeService."""

    stop = start

    def has_room_for(self, size: int) -> bool:
        return True

    def comes_late(self, by_s: float) -> None:
        """As IntakeService."""

    def offer(self, topic: str, *_: Any) -> None:
        self._offered(topic.split("/")[2])

    def take_care_of(self, is_mine: Callable[[str], bool]) -> None:
        self.cares_for = frozenset(filter(is_mine, self._robots))


class IdleDesk:
    faults = ()

    def start(self) -> None:
        """As Desk."""

    stop = start


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    made = bench_on(ledger_place.server(), tmp_path / "data")
    made.ledger.lanes.make(COUNT)
    yield made
    made.close()


def working(
    bench: HostBench, tmp_path: Path, intake: Callable[[Roster], IntakeThatTells] = lambda _: IntakeThatTells(())
) -> tuple[Worker, IdleStream]:
    """A worker, "first", that has all lanes."""

    def make(own: Ledger, roster: Roster, committed: object) -> Any:
        return intake(roster)

    (tmp_path / "none").mkdir()
    rules = SharedRules(RuleFolder(tmp_path / "rules", tmp_path / "none"))
    stream = IdleStream()
    worker = Worker(
        bench.ledger, bench.ledger.book("first"), cast("Any", stream), COUNT, rules, make,
        lambda own: cast("Any", IdleDesk()),
    )  # fmt: skip
    worker.start()
    worker.turn()
    assert worker.lanes == {DESK, *range(COUNT)}
    return worker, stream


def test_an_intake_leaves_the_robots_of_a_lane_that_was_let_go(bench: HostBench, tmp_path: Path) -> None:
    """What it had in mind of them it would write seconds later, when another has taken in what came since."""
    lanes = {}
    while len(set(lanes.values())) < COUNT:
        row = bench.add(f"r{len(lanes)}", ScriptedRobot())
        lanes[row.id] = bench.ledger.robot(row.id).lane
    intake = IntakeThatTells(lanes)
    worker, _ = working(bench, tmp_path, lambda _: intake)
    try:
        assert worker.lanes == {DESK, 0, 1} and intake.cares_for == lanes.keys()
        second = bench.ledger.book("second")

        def is_shared() -> bool:
            worker.turn()
            return bool(second.beat())

        until(is_shared, 20, "the second has its share")
        (kept,) = worker.lanes - {DESK}
        assert intake.cares_for == {robot for robot, lane in lanes.items() if lane == kept}
    finally:
        worker.stop()


def test_a_worker_whose_ledger_is_away_goes_on_with_what_it_has(
    bench: HostBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who ended his judges would read an hour again when it is back. What was another's meanwhile ends then."""
    worker, _ = working(bench, tmp_path)
    with monkeypatch.context() as away:

        def fails(is_leaving: bool = False) -> frozenset[Lane]:
            raise LedgerError("ledger: away")

        away.setattr(worker._book, "beat", fails)
        away.setattr(worker._book, "_until", 0.0)  # for longer than a lease
        judges = {number: one.part for number, one in worker._at_work.items()}
        worker.turn()
        assert worker.fault == "ledger: away"
    with ledger_place.beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE lanes SET owner = 'other', epoch = epoch + 1 WHERE number = 1")
        database.exec_driver_sql("INSERT INTO workers SELECT 'other', seen_t FROM workers WHERE id = 'first'")
    worker.turn()
    assert worker._at_work[0].part is judges[0] and worker._at_work[DESK].part is judges[DESK]
    until(lambda: worker.turn() or worker.lanes == {DESK, 0}, 20, "the lost one has ended")
    worker.stop()


def test_the_first_word_of_a_robot_that_just_came_is_not_refused(bench: HostBench, tmp_path: Path) -> None:
    """Nodes read who is registered more often than workers do, and let it in."""
    told = list[tuple[str, bool]]()

    def telling(roster: Roster) -> IntakeThatTells:
        return IntakeThatTells((), lambda robot: told.append((robot, roster.get(robot) is not None)))

    worker, stream = working(bench, tmp_path, telling)
    until(lambda: worker._read_at < time.monotonic() - 1, 20, "it is some time since the roster was read")
    row = bench.add("new", ScriptedRobot())
    stream.come.append(StreamMessage(row.lane, 1, row.id, "status", b"online", time.time(), 1, lambda: None))
    until(lambda: told, 20, "it is offered")
    assert told == [(row.id, True)]
    worker.stop()
