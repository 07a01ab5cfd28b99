"""What tests of this folder are given."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.host.judge.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    """One robot, its ledger, and nothing judged yet."""
    made = Stage(tmp_path / "host")
    yield made
    made.bench.close()
