"""How much the bytes that went in tell about the bytes that came out, in bits.

Two predictors bet on each size that came out. One knows only the sizes that came out before; the other also knows
what has just gone in, and expects the same size, the same size and a constant, or a constant ratio. The logarithm of
how much better the second one bet adds up to evidence: were the flows unrelated, it would reach n bits in at most
one of 2^n pairs, however often we look (Ville's inequality; A. P. Dawid, "Present position and potential
developments: the prequential approach", 1984). A size that repeats is soon no surprise, so constant traffic earns
nothing.
"""

import math
from typing import Dict, List

MAX_SIZES = 256  # distinct sizes remembered a predictor; above it a new size simply stays a surprise
_LOG_RANGE = math.log(2.0) * 32  # sizes are equally likely on a logarithmic scale, up to 4 GiB
_SHARE = 0.02  # how much trust returns to each expert at every bet, so that a change of habit is followed
_DIFFERENT = 1e-9  # a difference beyond any overhead; the ratio may explain it


class _Table:
    """Remembers values and expects them again."""

    def __init__(self) -> None:
        self._counts: Dict[int, int] = {}
        self._total = 0

    def chance(self, value: int, unseen: float) -> float:
        return (self._counts.get(value, 0) + unseen) / (self._total + 1)

    def seen(self, value: int) -> int:
        return self._counts.get(value, 0)

    def learn(self, value: int) -> None:
        if value in self._counts or len(self._counts) < MAX_SIZES:
            self._counts[value] = self._counts.get(value, 0) + 1
        self._total += 1


class _Bell:
    """Expects values around their mean so far; starts from one imagined value."""

    def __init__(self, mean: float, deviation: float) -> None:
        self._count, self._mean, self._squares = 1.0, mean, deviation * deviation

    def density(self, value: float) -> float:
        # Wider than what was seen while little was seen, and never so narrow that rounding decides.
        variance = max(self._squares / self._count * (1 + 1 / self._count), 1e-5)
        return math.exp(-((value - self._mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)

    def learn(self, value: float) -> None:
        self._count += 1
        off = value - self._mean
        self._mean += off / self._count
        self._squares += off * (value - self._mean)


class _Mixture:
    """Experts, trusted by how well they bet so far."""

    def __init__(self, trust: List[float]) -> None:
        self._start, self._trust = trust, list(trust)

    def chance(self, chances: List[float]) -> float:
        return max(sum(trust * chance for trust, chance in zip(self._trust, chances)), 1e-30)

    def learn(self, chances: List[float]) -> None:
        total = self.chance(chances)
        self._trust = [
            (1 - _SHARE) * trust * chance / total + _SHARE * start
            for trust, chance, start in zip(self._trust, chances, self._start)
        ]


def _overhead_chance(difference: int) -> float:
    if difference == 0:
        return 0.5
    if 0 < difference <= 128:
        return 0.25 / 128
    if -128 <= difference < 0:
        return 0.125 / 128
    return _DIFFERENT


def _multiple_chance(size: int, unit: int) -> float:
    """Of so many messages of one size, fewer being likelier; 0 when the size is no multiple."""
    if not unit or size % unit:
        return 0.0
    return 1 / (size // unit * (size // unit + 1))


class SizeEvidence:
    """Evidence, in bits, that what comes out is what went in. `bits` may fall below 0. `exact`: how often equal."""

    def __init__(self) -> None:
        self.bits = 0.0
        self.exact = 0
        self._alone = _Mixture([0.4, 0.4, 0.2])
        self._unit = 0  # the smallest size so far: messages of one size come in multiples of it
        self._told = _Mixture([0.4, 0.2, 0.4])
        self._sizes, self._size_bell = _Table(), _Bell(8.0, 3.0)
        self._differences, self._ratio_bell = _Table(), _Bell(0.0, 1.0)

    def expects(self, difference: int) -> bool:
        """Whether this difference of bytes in and out is the one seen before, or none."""
        return difference == 0 or self._differences.seen(difference) >= 2

    def add(self, went_in: int, came_out: int, cost: float = 0.0, is_short: bool = True) -> None:
        """One closed exchange; both sizes in bytes and above 0.

        `cost`: bits that choosing its end is worth. `is_short`: a like size, not only an equal one, says something.
        """
        difference, log_out = went_in - came_out, math.log(came_out, 2)
        ratio = log_out - math.log(went_in, 2)
        a_byte = 1 / (came_out * math.log(2.0))  # from a density over log2(bytes) to the chance of this very size
        alone = [
            self._sizes.chance(came_out, 1 / ((came_out + 1) * _LOG_RANGE)),
            min(self._size_bell.density(log_out) * a_byte, 1.0),
            _multiple_chance(came_out, self._unit),
        ]
        unaided = self._alone.chance(alone)
        told = [
            self._differences.chance(difference, _overhead_chance(difference)),
            min(self._ratio_bell.density(ratio) * a_byte, 1.0) if is_short else unaided,
            unaided,
        ]
        self.bits += math.log(self._told.chance(told) / unaided, 2) - cost
        self.exact += difference == 0
        self._alone.learn(alone)
        self._told.learn(told)
        self._unit = min(self._unit or came_out, came_out)
        self._sizes.learn(came_out)
        self._size_bell.learn(log_out)
        self._differences.learn(difference)
        self._ratio_bell.learn(ratio)

    def miss(self, bits: float) -> None:
        """What went in and came out did not settle into an exchange: that costs."""
        self.bits -= bits
