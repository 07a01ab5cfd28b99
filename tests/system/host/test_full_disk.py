"""A host whose disk was full: robots come in again as soon as there is room, without anybody's help."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.small_disk import SmallDisk
from tests.faults.kills.stage import fill
from tests.robots.living import Living
from tests.waiting import until
from wachhund.broker_pulse import STALLED_SECONDS

pytestmark = [pytest.mark.needs_root("mounts a small file system"), pytest.mark.thorough]


def test_a_broker_that_lets_nobody_in_any_more_is_started_anew(tmp_path: Path) -> None:
    """It keeps what it must know of connections on the same disk; who is connected goes on, and hides it."""
    with SmallDisk(tmp_path / "host", tmp_path / "host.img", 60), Living(tmp_path) as living:
        living.start_agent()
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot), 30, "evidence comes")
            taken = fill(tmp_path / "host")
            living.kill_agent()
            living.start_agent()
            again = "nats-server carried nothing"
            until(lambda: again in living.said("host"), 3 * STALLED_SECONDS, "the broker is started anew")
            taken.unlink()
            freed = time.time()

            def is_back() -> bool:
                newest = ledger.newest(living.robot)
                return newest is not None and newest.received_t > freed

            until(is_back, 60, "the robot is back")
