"""`wachhund witness flash`: mpremote itself, over a pseudo-terminal, against MicroPython; the prompt is a test's."""

import importlib.util
import os
import pty
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from tests.robots.witness_bench import WitnessBench
from wachhund.witness.flashing import flash, steps
from wachhund_evidence import MisuseError, WachhundError

PROMPT = Path(__file__).resolve().parents[3] / "robots" / "witness_boards" / "programs" / "prompt.py"


@pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port is packaged for Python 3.11 only",
)
def test_a_board_holds_what_was_made_for_it_and_begins(bench: WitnessBench, tmp_path: Path) -> None:
    made, board = tmp_path / "board", tmp_path / "on-the-board"
    board.mkdir()
    ours, theirs = pty.openpty()
    for end in (ours, theirs):
        tty.setraw(end)
    process = subprocess.Popen(
        [sys.executable, "-m", "micropython_unix", str(PROMPT)], cwd=board, stdin=ours, stdout=ours,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        flash(os.ttyname(theirs), made)
        process.wait(60)
    finally:
        process.kill()
        _, trouble = process.communicate()
        os.close(ours)
        os.close(theirs)
    assert trouble == b"", "it ended because it was reset, as the last step"
    there = {path.relative_to(board): path.read_bytes() for path in board.rglob("*") if path.is_file()}
    assert there == {path.relative_to(made): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert Path("witness.json") in there and Path("witness/run.py") in there


def test_what_runs_goes_last(bench: WitnessBench, tmp_path: Path) -> None:
    """A board that is cut off half way has no main, and runs nothing."""
    assert steps("/dev/ttyACM0", tmp_path / "board")[-6:] == ["fs", "cp", "main.py", ":", "+", "reset"]


def test_a_folder_that_is_none_and_a_port_that_is_none_are_told(bench: WitnessBench, tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match=r"holds no main\.py"):
        flash("/dev/null", tmp_path)
    with pytest.raises(WachhundError, match="no-such-port: mpremote: "):
        flash("/dev/no-such-port", tmp_path / "board")
