"""The kernel's events on two or more cores: what is read as settled never goes back in time."""

import subprocess
import sys
import time

import pytest

from wachhund_agent.kernel.tracefs import TraceInstance, mount_tracefs

pytestmark = pytest.mark.needs_root("tracefs")
_FORKS = "import os\nfor _ in range(3000):\n    pid = os.fork()\n    if not pid: os._exit(0)\n    os.waitpid(pid, 0)\n"


def test_settled_records_of_successive_reads_are_in_order() -> None:
    events = {"task/task_newtask": None, "sched/sched_process_exit": None}
    instance = TraceInstance("order", events, mount_tracefs())
    children = [subprocess.Popen([sys.executable, "-S", "-c", _FORKS]) for _ in range(2)]
    last, seen, backwards = 0, 0, 0
    try:
        deadline = time.monotonic() + 60
        while any(child.poll() is None for child in children) and time.monotonic() < deadline:
            records = instance.read(settled=True)
            seen += len(records)
            for record in records:
                backwards += record.time_ns < last
                last = max(last, record.time_ns)
    finally:
        for child in children:
            child.kill()
            child.wait()
        lost = instance.lost()
        instance.close()
    assert seen > 3000 and lost == 0
    assert backwards == 0
