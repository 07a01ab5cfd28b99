"""A host's bench for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Robot


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    """A host without a network, in a folder of its own."""
    made = HostBench(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def robot() -> ScriptedRobot:
    return ScriptedRobot()


@pytest.fixture
def row(bench: HostBench, robot: ScriptedRobot) -> Robot:
    return bench.add("go1", robot)
