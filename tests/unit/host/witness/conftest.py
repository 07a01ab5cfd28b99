"""A robot with a witness for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.witness_bench import WitnessBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WitnessBench]:
    """The firmware, a scripted robot, and a host without a network."""
    made = WitnessBench(tmp_path)
    yield made
    made.close()
