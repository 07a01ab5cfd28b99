"""What several tests of a serving host begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ports import free_port
from tests.robots.served_host import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A `wachhund serve` that is ready, on a data folder of its own."""
    made = Host(tmp_path / "data", free_port(), free_port())
    yield made.wait_ready()
    made.process.terminate()
    made.process.communicate(timeout=30)
