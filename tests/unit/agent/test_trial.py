"""An installed version marks that a host took its word; one on trial ends when none does."""

import json
from pathlib import Path
from typing import List

import pytest

from wachhund_agent.trial import MARK, NotVerified, Trial


def place(root: Path, name: str) -> Path:
    """A module as it lies in an installed version."""
    code = root / "versions" / name / "lib" / "wachhund_agent" / "trial.py"
    code.parent.mkdir(parents=True)
    code.touch()
    return code


def ask(root: Path, name: str, within_s: int = 60) -> Path:
    """The file by which an installer puts a version on trial."""
    path = root / "trial"
    path.write_text(json.dumps({"folder": str(root / "versions" / name), "within_s": within_s}))
    return path


def test_a_trial_without_a_receipt_ends_when_its_time_is_over(tmp_path: Path) -> None:
    """A version that can't reach its host would leave a robot that nobody watches."""
    trial = Trial(tmp_path, ask(tmp_path, "b"), print, place(tmp_path, "b"))
    trial.check(100.0)
    trial.check(159.9)
    with pytest.raises(NotVerified, match="within 60 s"):
        trial.check(160.0)


def test_a_receipt_ends_the_trial_for_good_and_is_marked_once(tmp_path: Path) -> None:
    """Also when the installer was killed and never took its file away: the next start is no trial."""
    code, file = place(tmp_path, "b"), ask(tmp_path, "b")
    trial = Trial(tmp_path, file, print, code)
    trial.check(100.0)
    assert trial.verified() and not trial.verified()
    trial.check(1000.0)
    mark = tmp_path / MARK
    assert json.loads(mark.read_text()) == {"folder": str(tmp_path / "versions" / "b")}
    written = mark.stat().st_ino
    again = Trial(tmp_path, file, print, code)
    again.check(100.0)
    again.check(1000.0)
    again.verified()
    assert mark.stat().st_ino == written, "an SD card wears by what is written at each start"


def test_the_trial_of_another_version_is_none_of_ours(tmp_path: Path) -> None:
    """The old version runs on for a moment after the switch, and must not end for the new one's sake."""
    trial = Trial(tmp_path, ask(tmp_path, "b"), print, place(tmp_path, "a"))
    trial.check(100.0)
    trial.check(1000.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"folder": 1}', '{"folder": "FOLDER"}'])
def test_a_broken_trial_file_is_no_trial(tmp_path: Path, text: str) -> None:
    """Only its owner, root, writes it; half of it may be there after a power cut."""
    code = place(tmp_path, "b")
    (tmp_path / "trial").write_text(text.replace("FOLDER", str(tmp_path / "versions" / "b")))
    trial = Trial(tmp_path, tmp_path / "trial", print, code)
    trial.check(1.0)
    trial.check(1e6)


def test_without_an_installation_nothing_is_marked(tmp_path: Path) -> None:
    """By hand there is no update that would look at it."""
    assert Trial(tmp_path, None, print, place(tmp_path, "b")).verified()
    assert not (tmp_path / MARK).exists()


def test_a_mark_that_can_not_be_written_is_said_and_the_agent_goes_on(tmp_path: Path) -> None:
    """A full disk is no reason to look away."""
    said: List[str] = []
    missing = tmp_path / "missing"
    assert Trial(missing, ask(tmp_path, "b"), said.append, place(tmp_path, "b")).verified()
    assert len(said) == 1 and str(missing / MARK) in said[0]
