"""A folder on which agents run: one at a time, and each learns how the one before ended."""

import os
import pathlib

import pytest

from wachhund_agent.own_words import how_it_ended, start_note
from wachhund_agent.run_mark import RunMark, only_agent
from wachhund_evidence import MisuseError


def test_each_run_learns_how_the_one_before_ended(tmp_path: pathlib.Path) -> None:
    """By it a killed agent is told from one that somebody stopped."""
    said = []
    for ends_well in (True, False, False, True):
        mark = RunMark(tmp_path)
        said.append(how_it_ended(mark.first, mark.was_clean))
        if ends_well:
            mark.stop()
    said.append(how_it_ended(RunMark(tmp_path).first, True))
    assert said == ["first start", "after a clean stop", "after an unclean stop", "after an unclean stop",
                    "after a clean stop"]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"stopped", b"\xff" * 100])
def test_a_mark_that_holds_anything_else_counts_as_unclean(tmp_path: pathlib.Path, content: bytes) -> None:
    """What a power cut or somebody's hand left there must not pass for a good end."""
    (tmp_path / "run").write_bytes(content)
    mark = RunMark(tmp_path)
    assert not mark.first and not mark.was_clean


def test_a_second_agent_on_a_folder_is_refused_in_one_line(tmp_path: pathlib.Path) -> None:
    lock = only_agent(tmp_path)
    try:
        with pytest.raises(MisuseError, match="another agent runs on this folder"):
            only_agent(tmp_path)
    finally:
        os.close(lock)
    os.close(only_agent(tmp_path))


@pytest.mark.parametrize("use", [only_agent, RunMark])
def test_a_folder_that_is_none_is_said_in_one_line(tmp_path: pathlib.Path, use: "type[RunMark]") -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MisuseError, match="folder"):
        use(tmp_path / "file" / "below")


def test_a_start_says_only_what_is_known() -> None:
    """Without memory nothing is claimed of the run before."""
    assert "clean" not in start_note("c", "no memory of an earlier run", None, 1.0).fields
    assert start_note("c", "first start", True, 1.0).fields["clean"] is True
