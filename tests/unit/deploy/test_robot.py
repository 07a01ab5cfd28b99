"""What the installer says of a robot before it changes anything."""

import errno
from pathlib import Path

import pytest

from wachhund_install.outcome import FAILED, NO_SPACE, PYTHON, READ_ONLY, Refused
from wachhund_install.places import Places
from wachhund_install.plans import version_key
from wachhund_install.robot import check_python, clock_note, refusal


def test_a_robot_that_lives_in_2021_is_told_that_it_does_not_matter() -> None:
    """No board has a clock: a date in the past is no reason to refuse."""
    note = clock_note(made=1_780_000_000, believed=1_617_235_200.0)
    assert note is not None and "2021-04-01: no matter" in note
    assert clock_note(made=1_780_000_000, believed=1_780_000_000.0) is None


def test_a_python_in_roots_own_folder_is_refused_before_the_agent_can_not_start(tmp_path: Path) -> None:
    """The agent has a user of its own; systemd would say 203/EXEC and nothing more."""
    python = tmp_path / "closed" / "python3"
    python.parent.mkdir(mode=0o700)
    python.touch(mode=0o755)
    with pytest.raises(Refused, match="only root can reach it, because of ") as told:
        check_python(str(python), Places(Path("/")))
    assert told.value.status == PYTHON
    check_python(str(python), Places(tmp_path))


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.ENOSPC, NO_SPACE), (errno.EDQUOT, NO_SPACE), (errno.EROFS, READ_ONLY), (errno.EIO, FAILED)],
)
def test_what_a_disk_refuses_is_one_line_with_its_own_status(number: int, status: int) -> None:
    """With the path, and never a traceback."""
    told = refusal(OSError(number, "said by the kernel", "/opt/wachhund"), Places(Path("/")))
    assert told.status == status and str(told).startswith("/opt/wachhund: ")


def test_versions_are_compared_by_their_numbers() -> None:
    """0.10 is newer than 0.9, and a build's hash makes it neither newer nor older."""
    assert version_key("0.10.0-abc") > version_key("0.9.9-fff")
    assert version_key("0.1.0-abc") == version_key("0.1.0-fff")


def test_a_path_is_named_as_the_robot_sees_it() -> None:
    """Also the root, which a line tells people to mount anew."""
    places = Places(Path("/mnt/robot"))
    assert places.as_the_robot_sees(Path("/mnt/robot")) == "/"
    assert places.as_the_robot_sees(Path("/mnt/robot/var/lib")) == "/var/lib"
