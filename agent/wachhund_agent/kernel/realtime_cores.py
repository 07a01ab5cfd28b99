"""On which cores somebody runs real-time work that is bound there: a control loop, which must not share them with us.

By sched(7): the kernel is asked for each thread's policy and the cores that it may run on; for most no file is read.
A thread that may run anywhere names no core, and the kernel's own threads sit on every core and count for nothing.
"""

import os
from typing import Callable, FrozenSet, Iterator, Set, Tuple

from wachhund_agent.kernel.procfs import PROC

_REALTIME = (os.SCHED_FIFO, os.SCHED_RR, 6)  # 6: SCHED_DEADLINE, which Python has no name for
_RESET_ON_FORK = 0x40000000  # the kernel adds it to the policy
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of <linux/sched.h>, in the flags of /proc/PID/stat
_MAX_THREADS = 4096  # a stock robot has some 600; each costs some microseconds


def bound_cores(
    all_cores: FrozenSet[int],
    policy: Callable[[int], int] = os.sched_getscheduler,
    affinity: Callable[[int], Set[int]] = os.sched_getaffinity,
) -> FrozenSet[int]:
    """Those that real-time threads of programs are bound to: each may run on some of `all_cores`, not on all."""
    found: FrozenSet[int] = frozenset()
    for pid, thread in _threads():
        try:
            if policy(thread) & ~_RESET_ON_FORK not in _REALTIME or _is_the_kernels(pid):
                continue
            cores = affinity(thread)
        except OSError:
            continue  # it ended meanwhile
        if cores & all_cores != all_cores:
            found |= cores
    return found & all_cores


def keep_off(cores: FrozenSet[int], all_cores: FrozenSet[int]) -> bool:
    """Let all our threads run on the others; on all where no other is left. Returns whether that was a change."""
    left = set(all_cores - cores) or set(all_cores)
    changed = False
    for thread in os.listdir(PROC + "/self/task"):
        try:
            if os.sched_getaffinity(int(thread)) != left:
                os.sched_setaffinity(int(thread), left)
                changed = True
        except OSError:
            continue  # it ended meanwhile
    return changed


def _threads() -> Iterator[Tuple[int, int]]:
    count = 0
    for name in os.listdir(PROC):
        if not name.isdecimal():
            continue
        try:
            threads = os.listdir("{}/{}/task".format(PROC, name))
        except OSError:
            continue
        for thread in threads:
            count += 1
            if count > _MAX_THREADS:
                return
            yield int(name), int(thread)


def _is_the_kernels(pid: int) -> bool:
    with open("{}/{}/stat".format(PROC, pid), "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return bool(int(fields[6]) & _KERNEL_THREAD)
