"""How often something is sent inwards right after something came from outside, against how often by chance.

After Zhang and Paxson, "Detecting Stepping Stones" (2000), with a chance level that is measured: the same question is
asked at the moments of our own readings, which nothing on the robot chose.
"""

import math
from collections import deque
from typing import Deque, List

FOLLOWS_S = (0.03, 0.1, 0.6)  # at once; through a slow program; through a program that delays
UNPROMPTED_S = 0.4  # what came from outside sooner after our own bytes may be their answer (a far server's round trip)
MAX_CHANCE = 0.25  # above it the outside is too busy for timing to say anything
MAX_GAPS = 32  # remembered silences before what came from outside
STEADY = 0.15  # deviation by mean of these silences; a program's loop is steadier than that, a person is not


class TimingEvidence:
    """Trials and successes by time scale. A trial is a reading in which something was sent inwards."""

    def __init__(self) -> None:
        self.trials = 0
        self.followed = 0
        self._successes = [0 for _ in FOLLOWS_S]
        self._fresh = [0 for _ in FOLLOWS_S]
        self._readings = 0
        self._gaps: Deque[float] = deque(maxlen=MAX_GAPS)

    def reading(self, now: float, last_in: float) -> None:
        """The chance level: how fresh the outside's last bytes are at a moment that we chose."""
        self._readings += 1
        for index, within in enumerate(FOLLOWS_S):
            self._fresh[index] += now - last_in <= within

    def sent(self, at: float, last_in: float, silence: float) -> None:
        """Something was sent inwards at `at`; the outside's last bytes before it came at `last_in` (seconds).

        `silence`: how long before those bytes our side had last sent outwards.
        """
        after = max(0.0, at - last_in)
        if after <= FOLLOWS_S[-1]:
            if silence < UNPROMPTED_S:
                return
            self._gaps.append(min(silence, 60.0))
        self.trials += 1
        self.followed += after <= FOLLOWS_S[-1]
        for index, within in enumerate(FOLLOWS_S):
            self._successes[index] += after <= within

    @property
    def steady(self) -> bool:
        """The outside speaks at intervals so even that a loop on our side may be what prompts it."""
        if len(self._gaps) < 3:
            return True
        mean = sum(self._gaps) / len(self._gaps)
        spread = math.sqrt(sum((gap - mean) ** 2 for gap in self._gaps) / len(self._gaps))
        return spread < STEADY * mean

    def bits(self) -> float:
        """The best time scale's surprise, less what the choice of the scale is worth."""
        found: List[float] = [0.0]
        for successes, fresh in zip(self._successes, self._fresh):
            chance = max((fresh + 1) / (self._readings + 2), 0.02)
            if self.trials and chance <= MAX_CHANCE:
                found.append(binomial_bits(successes, self.trials, chance) - 1.6)
        return max(found)


def binomial_bits(successes: int, trials: int, chance: float) -> float:
    """Bits of surprise at so many successes of so many trials (Chernoff bound, less the cost of a free rate)."""
    rate = successes / trials
    if rate <= chance:
        return 0.0
    gain = rate * math.log(rate / chance, 2)
    if rate < 1:
        gain += (1 - rate) * math.log((1 - rate) / (1 - chance), 2)
    return max(0.0, trials * gain - 0.5 * math.log(trials + 1, 2))
