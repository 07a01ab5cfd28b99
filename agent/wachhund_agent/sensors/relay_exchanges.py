"""Cuts two counters into exchanges: bytes that went in, and those that came out for them.

An exchange closes when the difference of both is the expected one, or when both have been quiet for `patience`
seconds. A relay that delays needs patience; one in a lively session is seen only without it. So a pair keeps two.
"""

import math
from typing import Optional

from wachhund_agent.sensors.relay_sizes import SizeEvidence

QUICK_S, PATIENT_S = 0.2, 0.75  # the patient one outlasts a delay of half a second
MAX_EXCHANGE_S = 3.0  # what has not settled by then is a stream: the volumes judge it
MAX_RATIO_S = 1.0  # of two strangers, too, more comes in a longer time: then only equal sizes count, not like ones
STREAM_COST_BITS = 2.0  # so that waiting for a lucky match never pays
SAME_INSTANT_S = 0.0025  # the kernel tells such moments in jiffies, of 4 ms mostly


class Exchanges:
    """Evidence of one direction. `forward` and `backward`: how often what came out was last, or what went in."""

    def __init__(self, patience: float) -> None:
        self.sizes = SizeEvidence()
        self.forward = self.backward = self.ties = 0
        self._patience = patience
        self._in = self._out = self._looks = 0
        self._since: Optional[float] = None

    def start(self, total_in: int, total_out: int) -> None:
        """From these totals on, in bytes."""
        self._in, self._out, self._since, self._looks = total_in, total_out, None, 0

    def add(self, now: float, total_in: int, total_out: int, last_in: float, last_out: float) -> None:
        """One reading. `last_in`, `last_out`: when bytes last moved, on the clock of `now` (seconds)."""
        went_in, came_out = total_in - self._in, total_out - self._out
        if not went_in and not came_out:
            return
        if self._since is None:
            self._since = now
        both = went_in > 0 and came_out > 0
        self._looks += both
        quiet = now - max(last_in, last_out) >= self._patience
        if both and (quiet or self.sizes.expects(went_in - came_out)):
            # A difference that was waited for may come by chance: the more often we looked, the likelier.
            # 1/(k(k+1)) at look k adds up to 1: over all looks it can win no more than one honest bet.
            cost = 0.0 if quiet else math.log(self._looks * (self._looks + 1), 2)
            self.sizes.add(went_in, came_out, cost, now - self._since <= MAX_RATIO_S)
            if quiet or went_in == came_out:
                self._note_order(last_in, last_out)
        elif now - self._since >= MAX_EXCHANGE_S and both:
            self.sizes.miss(STREAM_COST_BITS)
        elif not (quiet and now - max(last_in, last_out) >= PATIENT_S):
            return
        self.start(total_in, total_out)

    def _note_order(self, last_in: float, last_out: float) -> None:
        if last_out > last_in + SAME_INSTANT_S:
            self.forward += 1
        elif last_in > last_out + SAME_INSTANT_S:
            self.backward += 1
        else:
            self.ties += 1

    @property
    def against_order(self) -> bool:
        """What goes in mostly comes after what came out: it answers, it does not cause.

        A relay without delay passes on in the same instant; a remote end that acknowledges may speak last now and then.
        """
        return self.backward >= 2 and self.backward > 1.5 * self.forward + 0.3 * self.ties
