"""How many bytes a paid connection may still carry: a bucket that fills evenly. Pure: the caller brings the time.

A bucket holds a share of the day's bytes, and the rest of them trickle in over a day. So whatever the moment at which
one begins to count, 24 h never carry more than a day's bytes, and yet a burst is possible at once.
"""

DAY_S = 86_400.0
BURST_SHARE = 0.2  # of a day's bytes, in a full bucket: 4 MiB of 20, an hour of a lively token each second


class Allowance:
    """Full at the start. Times are monotonic seconds, sizes are bytes. Not safe to share between threads.

    What may not wait is charged too, also when nothing is left: the others then wait until that is paid back, but never
    longer than for one day's bytes.
    """

    def __init__(self, day_bytes: int, now: float) -> None:
        self._day_bytes = day_bytes
        self._full = day_bytes * BURST_SHARE
        self._per_s = (day_bytes - self._full) / DAY_S
        self._left, self._then = self._full, now

    def left(self, now: float) -> float:
        """Bytes that may leave at `now`; below zero while there is something to pay back."""
        self._left = min(self._full, self._left + max(0.0, now - self._then) * self._per_s)
        self._then = max(self._then, now)
        return self._left

    def allows(self, size: int, now: float) -> bool:
        """Whether so many bytes may leave at `now`. What is larger than a full bucket may leave when it is full."""
        return self.left(now) >= min(size, self._full)

    def charge(self, size: int, now: float) -> None:
        """So many bytes left at `now`."""
        self._left = max(self.left(now) - size, -float(self._day_bytes))
