"""How regular a series of calls is: the beacon score of RITA (activecm/rita, "analysis: beacons").

Interval and size are each scored by how symmetric and how narrow their distribution is: Bowley's skew of the quartiles,
and the median absolute deviation about the median. 1 is a clock, 0 is chance.
"""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

# Where RITA's score of a spread reaches 0.
WIDEST_INTERVAL_S = 30.0
WIDEST_SIZE_BYTES = 32.0
HELD = 64  # calls of one program to one address, the newest


@dataclass(slots=True)
class Calls:
    """Calls of one program to one address.

    `number` of all. Of the present `day` (UTC) alone: bytes sent (`out`) and `taken`, and of how many parts of
    MUCH_BYTES was told already (`told_parts`).
    """

    times: deque[float] = field(default_factory=lambda: deque(maxlen=HELD))
    sizes: deque[float] = field(default_factory=lambda: deque(maxlen=HELD))
    number: int = 0
    day: int = 0
    out: int = 0
    taken: int = 0
    told_parts: int = 0

    def moved(self, day: int, out: int, taken: int) -> None:
        """Count bytes of a day. What comes late belongs to a day that is over."""
        if day > self.day:
            self.day, self.out, self.taken, self.told_parts = day, 0, 0, 0
        if day == self.day:
            self.out += out
            self.taken += taken


def spread_score(values: Sequence[float], widest: float) -> float:
    """How symmetric and narrow numbers lie, 0 to 1. Fewer than four say nothing: 0."""
    if len(values) < 4:
        return 0.0
    first, middle, third = quantiles(values, n=4, method="inclusive")
    # RITA: a skew of quartiles that lie close together, or of a median at their edge, means nothing.
    skew = 0.0
    if third - first >= 10 and middle not in (first, third):
        skew = (first + third - 2 * middle) / (third - first)
    deviation = median(abs(value - middle) for value in values)
    return ((1.0 - abs(skew)) + max(0.0, 1.0 - deviation / widest)) / 2


def beacon_score(times: Sequence[float], sizes: Sequence[float]) -> float:
    """Of calls at `times` (seconds, rising) that sent `sizes` bytes: 0 to 1."""
    intervals = [later - earlier for earlier, later in itertools.pairwise(times)]
    return (spread_score(intervals, WIDEST_INTERVAL_S) + spread_score(sizes, WIDEST_SIZE_BYTES)) / 2


def usual_interval(times: Sequence[float]) -> float:
    """The median of the intervals, in seconds."""
    return median(later - earlier for earlier, later in itertools.pairwise(times))
