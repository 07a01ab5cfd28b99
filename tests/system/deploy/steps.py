"""The steps of an act at which tests kill it."""

import pytest
from _pytest.mark.structures import ParameterSet


def killed_at(*steps: str, always: tuple[str, ...]) -> list[ParameterSet]:
    """A test's parameters: each step, of which all but `always` are left to `make exhaustive`.

    What goes wrong commonly goes wrong at each; that each single one is right is asked before a release.
    """
    assert set(always) <= set(steps)
    return [pytest.param(step, marks=() if step in always else pytest.mark.exhaustive) for step in steps]
