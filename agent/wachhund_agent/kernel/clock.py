"""The two clocks of an observation: seconds since boot, and what the robot believes the time is."""

import time


def mono() -> float:
    """Seconds since boot (CLOCK_MONOTONIC): what tracepoints are stamped with."""
    return time.monotonic()


def wall(mono_s: float) -> float:
    """The robot's wall clock at a moment of the other clock. It may be years off: the board has no clock of its own."""
    return round(time.time() - time.monotonic() + mono_s, 6)
