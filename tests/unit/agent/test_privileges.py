"""When the agent gives up what it needs no more, and when only a fresh start helps."""

import os
from pathlib import Path
from typing import FrozenSet, Iterable, List

from wachhund_agent.privileges import NEEDED, Privileges, foreign_folder


class Kept:
    """Writes down what was to be kept."""

    def __init__(self) -> None:
        self.asked: List[FrozenSet[int]] = []

    def __call__(self, wanted: Iterable[int]) -> FrozenSet[int]:
        self.asked.append(frozenset(wanted))
        return self.asked[-1]


def test_each_thread_keeps_what_it_needs(tmp_path: Path) -> None:
    """Who signs or hears the network has nothing that a hole in it could use."""
    kept, said = Kept(), []  # type: Kept, List[str]
    privileges = Privileges([tmp_path], said.append, kept)
    privileges.keep_none()
    privileges.keep_needed()
    assert kept.asked == [frozenset(), frozenset(NEEDED)] and said == []


def test_a_folder_of_somebody_else_is_said_and_nothing_is_given_up(tmp_path: Path) -> None:
    """Without CAP_DAC_OVERRIDE the journal there could not be written any more: evidence would be lost."""
    kept, said = Kept(), []  # type: Kept, List[str]
    missing = tmp_path / "missing"
    privileges = Privileges([tmp_path, missing], said.append, kept)
    privileges.keep_none()
    privileges.keep_needed()
    assert kept.asked == [] and len(said) == 1 and str(missing) in said[0]
    assert foreign_folder([tmp_path], os.geteuid() + 1) == tmp_path
    assert not privileges.must_begin_anew(has_lost_events=True)


def test_a_kernel_that_refuses_is_said(tmp_path: Path) -> None:
    """Believing to be harmless would be worse than not being it."""

    def refuse(wanted: Iterable[int]) -> FrozenSet[int]:
        raise OSError(1, "Operation not permitted")

    said: List[str] = []
    Privileges([tmp_path], said.append, refuse).keep_none()
    assert said == ["privileges were not given up (Operation not permitted)"]


def test_events_that_were_never_there_are_no_reason_to_begin_anew(tmp_path: Path) -> None:
    """Else a robot whose kernel has none would be started for ever."""
    privileges = Privileges([tmp_path], lambda line: None, Kept())
    privileges.keep_needed()
    assert not privileges.must_begin_anew(has_lost_events=False)
    assert privileges.must_begin_anew(has_lost_events=True) is (os.geteuid() != 0)
