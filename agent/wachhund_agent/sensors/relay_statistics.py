"""Whether an outer and an inner flow answer each other: readings of their counters in, a verdict with its numbers out.

Pure. Three kinds of evidence, each in bits of surprise were the flows unrelated: the sizes of exchanges
(`relay_sizes`), the moments (`relay_timing`), and the rates of streams (`relay_volume`). Sizes and rates say the same
thing, so the better one counts; the moments are independent of both and are added.
"""

from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Optional

from wachhund_agent.sensors.relay_exchanges import PATIENT_S, QUICK_S, SAME_INSTANT_S, Exchanges
from wachhund_agent.sensors.relay_timing import TimingEvidence
from wachhund_agent.sensors.relay_volume import volume_bits

RELAY, ONE_WAY_OUT, NOT_A_RELAY, UNDECIDED = "relay", "one-way-out", "not-a-relay", "undecided"

CERTAIN_BITS = 20.0  # one in a million were the pair unrelated
AGREEING_BITS = 15.0  # inwards, enough when what comes back agrees as well
ANSWERED_BITS = 12.0
UNCLEAR_BITS = 10.0  # inwards: above it a flow is not yet called one-way
NO_BITS = 5.0
MIN_DENIED = 20  # inner sends before we say "not a relay"
MAX_FOLLOWED = 0.3
ONE_WAY_AFTER_S = 10.0  # a relay's first answers look one-way
MAX_RATIO = 24.0  # bytes inwards per bytes from outside, or the reverse: padding does this much, a database doesn't
MIN_INWARDS = 0.02  # bytes from outside per byte to it, for amounts inwards to be believed
MIN_RATIO_BYTES = 2048
WINDOW_S = 1.0
MAX_WINDOWS = 60
NEVER = float("-inf")


class Reading(NamedTuple):
    """Totals in bytes since the pair began, and when each last moved (seconds, on the clock of `now`)."""

    now: float
    outer_in: int
    inner_out: int
    inner_in: int
    outer_out: int
    last_outer_in: float
    last_inner_out: float
    last_inner_in: float
    last_outer_out: float


class _Direction:
    """Sizes of one direction, quick and patient."""

    def __init__(self) -> None:
        self.quick, self.patient = Exchanges(QUICK_S), Exchanges(PATIENT_S)

    def start(self, total_in: int, total_out: int) -> None:
        self.quick.start(total_in, total_out)
        self.patient.start(total_in, total_out)

    def add(self, now: float, total_in: int, total_out: int, last_in: float, last_out: float) -> None:
        self.quick.add(now, total_in, total_out, last_in, last_out)
        self.patient.add(now, total_in, total_out, last_in, last_out)

    def size_bits(self) -> float:
        return max(self.quick.sizes.bits, self.patient.sizes.bits - 1.0)

    @property
    def exact(self) -> int:
        return max(self.quick.sizes.exact, self.patient.sizes.exact)

    @property
    def against_order(self) -> bool:
        enough = self.patient.forward + self.patient.backward + self.patient.ties >= 3
        return self.patient.against_order if enough else self.quick.against_order


class PairEvidence:
    """All that is known of one pair. `verdict` is one of four; a relay stays one.

    `start` is the reading that later ones are measured from.
    """

    def __init__(self, start: Reading) -> None:
        self.verdict = UNDECIDED
        self.windows: Deque[List[float]] = deque(maxlen=MAX_WINDOWS)
        self._first, self._before = start, start
        self._second = start
        self._inwards, self._outwards = _Direction(), _Direction()
        self._inwards.start(start.outer_in, start.inner_out)
        self._outwards.start(start.inner_in, start.outer_out)
        self._timing = TimingEvidence()
        self._window_start = start
        self._silence = self._silence_before = 0.0
        self._volume_in = self._volume_out = 0.0
        self.inner_sends = 0
        self.last_moved: Optional[float] = None

    def add(self, reading: Reading) -> str:
        """One reading, later than the one before. Returns the verdict."""
        before = self._before
        if before is self._first:
            self._second = reading
        moved = reading[1:5] != before[1:5]
        self._timing.reading(reading.now, reading.last_outer_in)
        self._inwards.add(
            reading.now, reading.outer_in, reading.inner_out, reading.last_outer_in, reading.last_inner_out
        )
        self._outwards.add(
            reading.now, reading.inner_in, reading.outer_out, reading.last_inner_in, reading.last_outer_out
        )
        self._note_silence(before, reading)
        if reading.inner_out > before.inner_out:
            self.inner_sends += 1
            self._time(before, reading)
        if moved:
            self.last_moved = reading.now
        if reading.now - self._window_start.now >= WINDOW_S:
            self._close_window(reading)
        self._before = reading
        if self.verdict != RELAY:
            self.verdict = self._judge()
        return self.verdict

    def _time(self, before: Reading, reading: Reading) -> None:
        sent, cause = reading.last_inner_out, reading.last_outer_in
        if cause > sent + SAME_INSTANT_S:
            cause = before.last_outer_in  # the newest bytes from outside came after it
        service = reading.last_inner_in if reading.last_inner_in <= sent else before.last_inner_in
        if cause + SAME_INSTANT_S < service <= sent and sent - service <= 0.03:
            cause = NEVER  # it answers the service's own message
        self._timing.sent(sent, cause, self._silence if cause == reading.last_outer_in else self._silence_before)

    def _note_silence(self, before: Reading, reading: Reading) -> None:
        """How long our side had been silent when the newest bytes came from outside: taken when they are new.

        Later our own answer would stand before them, and only quick ones would ever count.
        """
        if reading.outer_in == before.outer_in:
            self._silence_before = self._silence
            return
        cause = reading.last_outer_in
        # Our own bytes of the same instant are the answer to it, not what it answers.
        at_once = reading.last_outer_out > cause - SAME_INSTANT_S
        spoke = before.last_outer_out if at_once else reading.last_outer_out
        self._silence_before, self._silence = self._silence, cause - spoke if spoke <= cause else 0.0

    def _close_window(self, reading: Reading) -> None:
        start = self._window_start
        amounts = [float(after - then) for after, then in zip(reading[1:5], start[1:5])]
        # Nothing in nothing out, before anything moved, says nothing and would fill the windows.
        if self.windows or any(amounts):
            self.windows.append([round(reading.now, 3), *amounts])
            columns = list(zip(*self.windows))
            self._volume_in = volume_bits(columns[1], columns[2])
            self._volume_out = volume_bits(columns[3], columns[4])
        self._window_start = reading

    def bits_in(self) -> float:
        """Evidence that what comes from outside goes to the service."""
        sizes = self._inwards.size_bits()
        if self._inwards_heavy():
            sizes = max(sizes, self._volume_in)
        elif self._inwards.exact < 2:
            sizes = min(sizes, NO_BITS)
        if self._inwards.against_order:
            return min(sizes, NO_BITS)
        timing = self._timing.bits()
        if self._inwards.size_bits() < -4.0 or (self._timing.steady and sizes < NO_BITS):
            timing = 0.0
        return max(sizes, 0.0) + timing

    def bits_out(self) -> float:
        """Evidence that what the service says goes outside."""
        sizes = max(self._outwards.size_bits(), self._volume_out, 0.0)
        if self._outwards.against_order:
            return min(sizes, NO_BITS)
        return sizes

    def _inwards_heavy(self) -> bool:
        """Whether amounts inwards mean something: in a loop of upload and short reply they only count its turns."""
        went_out = self._before.outer_out - self._second.outer_out
        return self._before.outer_in - self._second.outer_in >= MIN_INWARDS * went_out

    def _lopsided(self) -> bool:
        # From the second reading on: the first one may hold all that a flow moved before it was known.
        went_in = self._before.outer_in - self._second.outer_in
        came_out = self._before.inner_out - self._second.inner_out
        if max(went_in, came_out) < MIN_RATIO_BYTES:
            return False
        return max(went_in, came_out) > MAX_RATIO * max(min(went_in, came_out), 1)

    def _judge(self) -> str:
        bits_in, bits_out = self.bits_in(), self.bits_out()
        certain = bits_in >= CERTAIN_BITS or (bits_in >= AGREEING_BITS and bits_out >= ANSWERED_BITS)
        if certain and not self._lopsided():
            return RELAY
        if bits_out >= CERTAIN_BITS and bits_in < UNCLEAR_BITS:
            if self._before.now - self._first.now >= ONE_WAY_AFTER_S:
                return ONE_WAY_OUT
            return UNDECIDED
        tried = self._timing.trials
        denied = tried >= MIN_DENIED and self._timing.followed < MAX_FOLLOWED * tried
        return NOT_A_RELAY if denied and bits_in < NO_BITS and bits_out < NO_BITS else UNDECIDED

    def numbers(self) -> Dict[str, Any]:
        """The evidence as people and the host get it: bits, counts and the windows themselves (bytes a second)."""
        return {
            "bits_in": round(self.bits_in(), 1),
            "bits_out": round(self.bits_out(), 1),
            "size_bits_in": round(self._inwards.size_bits(), 1),
            "volume_bits_in": round(self._volume_in, 1),
            "timing_bits": round(self._timing.bits(), 1),
            "exact_in": self._inwards.exact,
            "exact_out": self._outwards.exact,
            "inner_sends": self.inner_sends,
            "followed": self._timing.followed,
            "bytes": [after - first for after, first in zip(self._before[1:5], self._first[1:5])],
            "windows": [[window[0]] + [int(amount) for amount in window[1:]] for window in self.windows],
        }
