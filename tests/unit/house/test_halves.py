"""`make test` runs its halves, so a test that lies in neither would never run."""

from pathlib import Path

from tests.halves import BESIDE, SHOWN

ROOT = Path(__file__).resolve().parents[3]


def test_every_test_lies_in_one_half() -> None:
    halves = [ROOT / folder for folder in (*SHOWN, *BESIDE)]
    found = [path for path in (ROOT / "tests").rglob("test_*.py") if "__pycache__" not in path.parts]
    outside = [path for path in found if sum(half in path.parents for half in halves) != 1]
    assert found and outside == []
