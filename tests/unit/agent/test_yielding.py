"""When the agent looks which cores it keeps off, and what it says."""

import os
from typing import FrozenSet, List

from wachhund_agent.yielding import LOOK_S, Yielding


def test_it_looks_again_for_the_control_loop_starts_after_it() -> None:
    """It is started before the vendor's programs, so that it sees them start."""
    all_cores = frozenset(os.sched_getaffinity(0))
    found: List[FrozenSet[int]] = [frozenset(), all_cores]
    kept: List[FrozenSet[int]] = []
    said: List[str] = []

    def keep(cores: FrozenSet[int], among: FrozenSet[int]) -> bool:
        kept.append(cores)
        return bool(cores)

    yielding = Yielding(frozenset([9999]), said.append, lambda among: found.pop(0), keep)
    yielding.look(100.0)
    yielding.look(100.0 + LOOK_S / 2)
    assert kept == [frozenset()] and said == [], "a core that this board does not have is none"
    yielding.look(100.0 + LOOK_S)
    assert kept == [frozenset(), all_cores] and len(said) == 1


def test_a_kernel_that_refuses_is_said_and_the_agent_goes_on() -> None:
    """A container may forbid it."""

    def refuse(cores: FrozenSet[int], among: FrozenSet[int]) -> bool:
        raise OSError(1, "Operation not permitted")

    said: List[str] = []
    Yielding(frozenset(), said.append, lambda among: frozenset(), refuse).look(1.0)
    assert said == ["cores: Operation not permitted: may share one with the robot's control loop"]
