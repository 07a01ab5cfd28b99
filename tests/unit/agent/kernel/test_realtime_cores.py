"""Cores that a control loop keeps for itself are found, on real threads with real policies."""

import os
import subprocess
import sys
from typing import FrozenSet, List, Set

import pytest

from wachhund_agent.kernel.realtime_cores import bound_cores, keep_off

ALL = frozenset(os.sched_getaffinity(0))
# A program that has set itself up as a control loop does, and says so.
_LOOP = (
    "import os, sys, time\n"
    "os.sched_setaffinity(0, {int(sys.argv[1])})\n"
    "os.sched_setscheduler(0, int(sys.argv[2]), os.sched_param(int(sys.argv[3])))\n"
    "print('set', flush=True); time.sleep(60)\n"
)


def loop(core: int, policy: int, priority: int) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-c", _LOOP, str(core), str(policy), str(priority)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"set\n"
    return process


@pytest.mark.needs_root("a real-time policy")
@pytest.mark.skipif(len(ALL) < 2, reason="one core only: there is none to keep off")
def test_a_bound_real_time_program_keeps_its_core_and_an_ordinary_one_does_not() -> None:
    """The first balances the robot; the second is a vendor's script that somebody bound for no reason."""
    before = bound_cores(ALL)
    core = max(ALL - before or ALL)
    started: List["subprocess.Popen[bytes]"] = []
    try:
        started.append(loop(core, os.SCHED_OTHER, 0))
        assert bound_cores(ALL) == before
        started.append(loop(core, os.SCHED_FIFO, 10))
        assert bound_cores(ALL) == before | {core}
    finally:
        for process in started:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    assert bound_cores(ALL) == before


def test_a_real_time_program_that_may_run_anywhere_and_the_kernels_threads_name_no_core() -> None:
    """Else on a PREEMPT_RT kernel, whose own threads are all real-time, none would be left."""

    def anywhere(thread: int) -> Set[int]:
        return set(ALL)

    assert bound_cores(ALL, policy=lambda thread: os.SCHED_FIFO, affinity=anywhere) == frozenset()


def test_where_no_core_is_left_all_are_used() -> None:
    """Better seen by a robot that jerks than not seen at all; and a later look gives cores back."""
    try:
        if len(ALL) > 1:
            kept: FrozenSet[int] = frozenset([max(ALL)])
            assert keep_off(kept, ALL)
            assert frozenset(os.sched_getaffinity(0)) == ALL - kept
            assert not keep_off(kept, ALL), "said once"
        keep_off(ALL, ALL)
        assert frozenset(os.sched_getaffinity(0)) == ALL
    finally:
        os.sched_setaffinity(0, ALL)
