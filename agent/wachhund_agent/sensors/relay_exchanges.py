"""Cuts two counters into exchanges: bytes that went in, and those that came out for them.

An exchange closes when the difference of both is the expected one, or when both have been quiet for `patience`
seconds. A relay that delays needs patience; one in a lively session is seen only without it. So a pair keeps two.
"""

from typing import Optional

from wachhund_agent.sensors.relay_sizes import SizeEvidence

QUICK_S, PATIENT_S = 0.2, 0.75  # the patient one outlasts a delay of half a second
MAX_EXCHANGE_S = 3.0  # what has not settled by then is a stream: the volumes judge it
STREAM_COST_BITS = 2.0  # so that waiting for a lucky match never pays
SAME_INSTANT_S = 0.006  # the kernel counts in jiffies of up to 4 ms, our reading takes the rest


class Exchanges:
    """Evidence of one direction. `forward` and `backward`: how often what came out was last, or what went in."""

    def __init__(self, patience: float) -> None:
        self.sizes = SizeEvidence()
        self.forward = self.backward = 0
        self._patience = patience
        self._in = self._out = 0
        self._since: Optional[float] = None

    def start(self, total_in: int, total_out: int) -> None:
        """From these totals on, in bytes."""
        self._in, self._out, self._since = total_in, total_out, None

    def add(self, now: float, total_in: int, total_out: int, last_in: float, last_out: float) -> None:
        """One reading. `last_in`, `last_out`: when bytes last moved, on the clock of `now` (seconds)."""
        went_in, came_out = total_in - self._in, total_out - self._out
        if not went_in and not came_out:
            return
        if self._since is None:
            self._since = now
        both = went_in > 0 and came_out > 0
        quiet = now - max(last_in, last_out) >= self._patience
        if both and (quiet or self.sizes.expects(went_in - came_out)):
            self.sizes.add(went_in, came_out)
            if quiet or went_in == came_out:
                self._note_order(last_in, last_out)
        elif now - self._since >= MAX_EXCHANGE_S and both:
            self.sizes.miss(STREAM_COST_BITS)
        elif not (quiet and now - max(last_in, last_out) >= PATIENT_S):
            return
        self.start(total_in, total_out)

    def _note_order(self, last_in: float, last_out: float) -> None:
        if last_out >= last_in - SAME_INSTANT_S:
            self.forward += 1
        else:
            self.backward += 1

    @property
    def against_order(self) -> bool:
        """What goes in mostly comes after what came out: it answers, it does not cause."""
        seen = self.forward + self.backward
        return seen >= 3 and self.forward < 0.4 * seen
