"""What is told of a program just started is of one program, or not told."""

import os
import subprocess
import sys

import pytest

from wachhund_agent.kernel import procfs
from wachhund_agent.sensors.first_look import is_name_of, seen


@pytest.mark.parametrize(
    ("comm", "filename", "fits"),
    [
        (b"env", b"/usr/bin/env", True),
        (b"run.sh", b"./run.sh", True),
        (b"a-very-long-nam", b"/opt/a-very-long-name-of-a-program", True),
        (b"nice", b"/usr/bin/env", False),
        (b"", b"/usr/bin/env", False),
    ],
)
def test_a_process_bears_the_first_fifteen_bytes_of_its_files_name(comm: bytes, filename: bytes, fits: bool) -> None:
    assert is_name_of(comm, filename) == fits


def test_a_program_that_gave_itself_another_name_is_seen_all_the_same() -> None:
    """Its name doesn't say which program it is, so it is looked at until two looks at its file agree."""
    told = seen(os.getpid(), b"/bin/something-else")
    assert told.argv == procfs.cmdline(os.getpid()) and told.exe == procfs.exe(os.getpid())[0]


def test_of_a_program_that_is_gone_nothing_is_made_up() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert seen(child.pid, b"/usr/bin/env")[:2] == (None, None)
