"""wachhund-fleet against a whole cluster: by its nodes' doors, and past them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.conftest import CHROMIUM
from tests.fleet import looking, registering, running, scenes
from tests.fleet.clusters import FleetCluster
from tests.fleet.plan import Plan
from tests.robots.throw_away_postgres import PROGRAMS

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

SEED, ROBOTS = "test", 12


@pytest.mark.thorough
@pytest.mark.parametrize("is_direct", [False, True])
def test_a_cluster_holds_what_has_a_receipt_once_whichever_way_it_came(tmp_path: Path, is_direct: bool) -> None:
    with FleetCluster(tmp_path / "data", nodes=1, lanes=4, workers=2, is_open=is_direct, disk=None) as cluster:
        cluster.enlist(SEED, ROBOTS, lambda line: None)
        robots = registering.enlisted(cluster.data.path, SEED, ROBOTS)
        (known,) = scenes.judged_well(["cloudsail-idle"], 1)
        given = Plan(
            SEED, cluster.keys.public_pem, cluster.brokers, [("measured", known.seconds + 4.0)], every_s=1.0,
            attacks=[scenes.Attack(3, 2.0, known.scene, known.first, known.whole)],
            direct=cluster.direct if is_direct else None,
        )  # fmt: skip
        work = tmp_path / "work"
        work.mkdir()
        trees = {"PostgreSQL": cluster.postgres.pid}
        told = running.run(work, cluster.data.ledger, given, robots, pids=cluster.pids(), trees=trees)
    assert told["exactness"]["exact"], told["exactness"]
    assert told["exactness"]["receipted"] == told["tokens"]["made"] > 5 * ROBOTS
    assert (told["tokens"]["unanswered"], told["tokens"]["odd_receipts"]) == (0, {})
    assert [one["word"] for one in told["attacks"]] == ["ok"]


@pytest.mark.thorough
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")
def test_who_looks_at_a_fleet_that_is_played_sees_what_its_robots_say(tmp_path: Path) -> None:
    with FleetCluster(tmp_path / "data", nodes=1, lanes=4, workers=1, is_open=False, disk=None) as cluster:
        cluster.enlist(SEED, ROBOTS, lambda line: None)
        robots = registering.enlisted(cluster.data.path, SEED, ROBOTS)
        given = Plan(SEED, cluster.keys.public_pem, cluster.brokers, [("measured", 25.0)], every_s=1.0)
        work = tmp_path / "work"
        work.mkdir()
        with looking.pages_of(cluster.data.path) as pages, ThreadPoolExecutor(1) as beside:
            looked = beside.submit(looking.look, pages, stream_s=8.0, browser_s=2.0)
            told = running.run(work, cluster.data.ledger, given, robots)
        seen = looked.result()
    assert told["exactness"]["exact"], told["exactness"]
    assert all(0 < seconds < 60 for seconds in seen["pages_s"].values()), seen
    assert seen["shown"]["told"] > ROBOTS and 0 < seen["shown"]["median_s"] < 8, seen
    assert seen["browser"]["bytes"] > 10_000 and seen["browser"]["paint_ms"] > 0, seen
