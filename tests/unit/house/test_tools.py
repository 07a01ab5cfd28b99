"""What no test runs by itself, benches, the corpus and the virtual robot, still fits the rest of the house."""

import importlib
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "faults", "fleet", "fuzz", "robots")
IN_AN_ENVIRONMENT_OF_THEIR_OWN = ("tests.fuzz.one", "tests.fuzz.replay")  # `make fuzz`: atheris, coverage
MODULES = sorted(
    name
    for folder in FOLDERS
    for path in (TESTS / folder).rglob("*.py")
    # Programs of robots run where they are started, and so does what is called by `python -m`.
    if path.name != "__main__.py" and "programs" not in path.parts
    for name in [".".join(path.relative_to(TESTS.parent).with_suffix("").parts)]
    if name not in IN_AN_ENVIRONMENT_OF_THEIR_OWN
)


@pytest.mark.parametrize("module", MODULES)
def test_it_can_be_imported(module: str) -> None:
    """A name that was changed elsewhere would show only when somebody needs the tool."""
    importlib.import_module(module)
