"""A played robot and its host, as `tests.faults` has them."""

import contextlib
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.inner.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A robot that is well, and its host."""
    with contextlib.redirect_stderr(io.StringIO()):
        world = World(tmp_path, random.Random(1))
        world.run(15.0)
        yield world
        world.host.stop()
