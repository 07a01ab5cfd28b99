"""Workers on a real cluster: what robots send is committed, receipted and judged once, whoever dies meanwhile."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.robots.ledger_place import beside
from tests.robots.throw_away_postgres import PROGRAMS
from tests.robots.whole_cluster import WholeCluster, whole_cluster
from tests.waiting import until
from wachhund.ledger.lanes import DESK
from wachhund.ledger.lanes_schema import lanes

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

SECONDS = 40.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[WholeCluster]:
    with whole_cluster(tmp_path / "data") as made:
        yield made


def tunnel(number: int) -> dict[str, object]:
    """The vendor's tunnel begins."""
    return {
        "puid": f"{number}-9", "pid": 1000 + number, "ppid": 1, "exe": "/usr/local/zhexi/cloudsail/csclient",
        "argv": ["csclient", str(number)], "cwd": "/", "user": "root", "parent_exe": None, "ancestry": [],
    }  # fmt: skip


def test_evidence_of_every_lane_is_receipted_and_judged_by_whoever_holds_it(cluster: WholeCluster) -> None:
    """Robots at each of the nodes; two workers, of which each has some lanes."""
    until(lambda: len({*cluster.lanes_held().values()}) == 2, SECONDS, "both workers have lanes")
    robots = [cluster.connect(f"r{number}", f"n{number % 3 + 1}") for number in range(12)]
    assert len({one.lane for one in cluster.ledger.robots()}) > 2
    for robot in robots:
        robot.send(robot.robot.heartbeat())
        robot.send(robot.robot.token(robot.robot.saw("process.start", **tunnel(7))))
    for robot in robots:
        robot.receipt(lambda receipt: receipt.seq == 2, SECONDS)
    until(lambda: len(cluster.ledger.incidents()) == 12, SECONDS, "each has its incident")
    assert cluster.ledger.unjudged()[0] == 0 and cluster.ledger.last_observation() == 24


def test_a_killed_workers_lanes_go_on_within_seconds_and_nothing_is_judged_twice(cluster: WholeCluster) -> None:
    robots = [cluster.connect(f"r{number}", f"n{number % 3 + 1}") for number in range(8)]
    for round_ in range(1, 6):
        for robot in robots:
            robot.send(robot.robot.token(robot.robot.saw("process.start", **tunnel(round_))))
        if round_ == 2:
            cluster.end_worker("w1", signal.SIGKILL)
    for robot in robots:
        robot.receipt(lambda receipt: receipt.seq == 5, SECONDS)
    until(lambda: len({*cluster.lanes_held().values()}) == 1, SECONDS, "the other has all lanes")
    assert DESK in cluster.lanes_held()
    until(lambda: cluster.ledger.unjudged()[0] == 0, SECONDS, "all is judged")
    # Counted, not the last number: what the killed worker had begun took numbers that nothing else gets.
    assert len(cluster.ledger.observations_after(0, 1000)) == 5 * 8
    facts = [sum(len(piece["items"]) for piece in one["evidence"]) for one in cluster.ledger.incidents()]
    assert facts == [5] * 8


def test_a_worker_that_ends_hands_its_lanes_on_at_once(cluster: WholeCluster) -> None:
    """An upgrade, worker by worker, is no silence of five seconds each."""
    until(lambda: len({*cluster.lanes_held().values()}) == 2, SECONDS, "both workers have lanes")
    cluster.end_worker("w1")
    assert "Traceback" not in cluster.said("w1")
    until(lambda: len(cluster.lanes_held()) == 5, 4.0, "the other has them before a lease would have ended")
    cluster.start_worker("w3")
    until(lambda: len({*cluster.lanes_held().values()}) == 2, SECONDS, "the new one gets its share")


def test_lanes_go_on_after_the_ledger_went_back_to_what_it_was(cluster: WholeCluster) -> None:
    """A backup knows earlier epochs than the nodes, which take a worker of such a one for one that is late."""
    until(lambda: len({*cluster.lanes_held().values()}) == 2, SECONDS, "both workers have lanes")
    with beside(cluster.ledger.path) as connection:
        connection.execute(update(lanes).values(epoch=lanes.c.epoch - 1))
    robots = [cluster.connect(f"r{number}") for number in range(8)]
    assert len({one.lane for one in cluster.ledger.robots()}) > 1
    for robot in robots:
        robot.send(robot.robot.heartbeat())
    for robot in robots:
        robot.receipt(lambda receipt: receipt.seq == 1, SECONDS)
    until(lambda: cluster.ledger.unjudged()[0] == 0, SECONDS, "all is judged")
