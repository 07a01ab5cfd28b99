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
from wachhund.cluster.shared_rules import SharedRules
from wachhund.cluster.worker import Worker
from wachhund.fleet.roster import Roster
from wachhund.judge.rule_folder import RuleFolder
from wachhund.ledger import Ledger
from wachhund.ledger.lanes import DESK

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

COUNT = 2


class IdleStream:
    """Nothing comes from the nodes."""

    def __init__(self) -> None:
        self.lanes: dict[int, int] = {}

    def take(self, lane: int, epoch: int) -> None:
        self.lanes[lane] = epoch

    def drop(self, lane: int) -> None:
        self.lanes.pop(lane, None)

    def pull(self, most: int, timeout: float) -> list[Any]:
        time.sleep(timeout)
        return []


class IntakeThatTells:
    """`cares_for`: the robots that it was told to take care of last, as that was then."""

    room, fault = 1_000, None

    def __init__(self, robots: Collection[str]) -> None:
        self._robots = robots
        self.cares_for: frozenset[str] = frozenset()

    def start(self) -> None:
        """As IntakeService."""

    stop = start

    def comes_late(self, by_s: float) -> None:
        """As IntakeService."""

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


def test_an_intake_leaves_the_robots_of_a_lane_that_was_let_go(bench: HostBench, tmp_path: Path) -> None:
    """What it had in mind of them it would write seconds later, when another has taken in what came since."""
    lanes = {}
    while len(set(lanes.values())) < COUNT:
        row = bench.add(f"r{len(lanes)}", ScriptedRobot())
        lanes[row.id] = bench.ledger.robot(row.id).lane
    intake = IntakeThatTells(lanes)

    def make(own: Ledger, roster: Roster, committed: object) -> Any:
        return intake

    (tmp_path / "none").mkdir()
    rules = SharedRules(RuleFolder(tmp_path / "rules", tmp_path / "none"))
    stream = cast("Any", IdleStream())
    worker = Worker(
        bench.ledger, bench.ledger.book("first"), stream, COUNT, rules, make, lambda own: cast("Any", IdleDesk())
    )
    worker.start()
    try:
        worker.turn()
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
