"""Whatever else wants a core goes first, and the cores on which the robot balances are not ours at all."""

import os
from typing import Callable, FrozenSet

from wachhund_agent.kernel.realtime_cores import bound_cores, keep_off

NICE = 10  # the kernel derives the disk's priority from it too; why not the idle class: docs/decisions/0017
LOOK_S = 60.0  # the agent starts before the control loop does; a look costs some milliseconds


class Yielding:
    """`busy`: cores that the profile names. Those that real-time threads are bound to are looked for now and then."""

    def __init__(
        self,
        busy: FrozenSet[int],
        say: Callable[[str], None],
        bound: Callable[[FrozenSet[int]], FrozenSet[int]] = bound_cores,
        keep: Callable[[FrozenSet[int], FrozenSet[int]], bool] = keep_off,
    ) -> None:
        self._busy, self._say, self._bound, self._keep = busy, say, bound, keep
        self._all = frozenset(os.sched_getaffinity(0))
        self._next = float("-inf")

    def begin(self, now: float) -> None:
        """Before there is a second thread."""
        os.nice(max(0, NICE - os.nice(0)))  # a service manager may have done it
        self.look(now)

    def look(self, now: float) -> None:
        """When one is due. `now`: monotonic seconds."""
        if now < self._next:
            return
        self._next = now + LOOK_S
        try:
            taken = (self._busy | self._bound(self._all)) & self._all
            changed = self._keep(taken, self._all)
        except OSError as error:
            self._say("cores: {}: may share one with the robot's control loop".format(error.strerror))
            return
        if changed:
            left = ", ".join(map(str, sorted(self._all - taken or self._all)))
            why = "real-time work is bound to the others" if taken and taken != self._all else "all of them"
            self._say("runs on the cores {}: {}".format(left, why))
