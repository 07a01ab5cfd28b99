"""A ledger with three days of one robot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.three_days import ThreeDays


@pytest.fixture
def told(tmp_path: Path) -> Iterator[ThreeDays]:
    bench = HostBench(tmp_path / "host")
    yield ThreeDays(bench)
    bench.close()
