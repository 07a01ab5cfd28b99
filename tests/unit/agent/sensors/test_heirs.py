"""What a daemon's first process was started with is read from its child, and from nobody who is another program."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.tracefs import TraceRecord
from wachhund_agent.sensors.heirs import CHILDREN_KEPT, Heirs, seen_in
from wachhund_agent.sensors.process import ProcessSensor

# The child tells its number, waits for a line, and then starts a program of its own.
_DAEMON = """
import os
if os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
os.read(0, 1)
os.execv("/bin/cat", ["cat"])
"""


@pytest.fixture
def daemon() -> Iterator["subprocess.Popen[bytes]"]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _DAEMON, "a-word-of-it"], stdin=pipe, stdout=pipe) as made:
        yield made


def test_a_child_that_runs_on_is_what_its_parent_was_until_it_starts_a_program(
    daemon: "subprocess.Popen[bytes]",
) -> None:
    assert daemon.stdin is not None and daemon.stdout is not None
    child = int(daemon.stdout.readline())
    daemon.wait(10)
    found = seen_in([daemon.pid, child])
    assert found is not None and found.pid == child
    assert found.argv[-1] == b"a-word-of-it" and found.exe == str(Path(sys.executable).resolve())
    daemon.stdin.write(b"\nas cat does\n")
    daemon.stdin.flush()
    assert daemon.stdout.readline() == b"as cat does\n"
    assert procfs.cmdline(child) == [b"cat"] and seen_in([child]) is None


def test_nobody_is_an_heir_who_started_a_program_or_is_no_more() -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True)
    assert seen_in([os.getpid(), int(ended.stdout)]) is None


def test_children_and_their_children_are_heirs_the_newest_first() -> None:
    heirs = Heirs({10: 5.0})
    for parent, child, mono in ((10, 11, 6.0), (11, 12, 6.1), (99, 13, 6.2), (13, 14, 6.3)):
        heirs.forked(parent, child, mono)
    assert heirs.of(10) == (12, 11) and heirs.of(99) == () and heirs.of(11) == ()


def test_a_child_of_the_program_before_is_none() -> None:
    heirs = Heirs({10: 5.0})
    heirs.forked(10, 11, 4.9)
    assert heirs.of(10) == ()


def test_of_a_process_that_forks_without_end_the_newest_children_are_kept() -> None:
    heirs = Heirs({10: 0.0})
    for child in range(100, 100 + 3 * CHILDREN_KEPT):
        heirs.forked(10, child, 1.0)
    assert heirs.of(10) == tuple(range(99 + 3 * CHILDREN_KEPT, 99 + 2 * CHILDREN_KEPT, -1))


def fork(parent: int, child: int) -> TraceRecord:
    return TraceRecord(2, "task_newtask", parent, 0, {"pid": child, "clone_flags": 0})


def exit_of(pid: int) -> TraceRecord:
    return TraceRecord(3, "sched_process_exit", pid, 0, {"pid": pid, "group_dead": 1})


@pytest.mark.parametrize("first", [0, 1, 2], ids=["nothing told yet", "its fork told", "all told"])
def test_a_program_that_had_gone_is_told_by_its_child_whenever_its_fork_is_told(
    daemon: "subprocess.Popen[bytes]", first: int
) -> None:
    """Its start comes by another way than its fork and its end, and may be read before either of them."""
    assert daemon.stdout is not None
    child = int(daemon.stdout.readline())
    daemon.wait(10)
    records = [fork(daemon.pid, child), exit_of(daemon.pid)]
    sensor = ProcessSensor(polling=False)
    assert sensor.on_exec([TraceRecord(1, "sched_process_exec", 0, 0, {"pid": daemon.pid, "filename": b"link"})]) == []
    told = sensor.on_lifecycle(records[:first]) + sensor.on_lifecycle(records[first:])
    start = told[0]
    assert start.kind == "process.start" and start.fields["exe"] == str(Path(sys.executable).resolve())
    assert start.fields["argv"][-1] == "a-word-of-it"
    assert start.fields["heir"].startswith("{}-".format(child))
    assert [one.kind for one in told] == ["process.start", "process.exit"]
