"""Whether two rates rise and fall together, second by second: for streams, which never pause for an exchange.

Spearman's rank correlation at lag 0 and 1, less the best one at a lag that no relay has (3 to 10 s): two flows that
are merely both busy correlate at any lag.
"""

import math
from typing import List, Sequence

LAGS = (0, 1)
WRONG_LAGS = tuple(range(3, 11))
MIN_WINDOWS = 8


def ranks(values: Sequence[float]) -> List[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    made = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            made[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return made


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Rank correlation, -1 to 1; 0 when one side is constant."""
    ranked_left, ranked_right = ranks(left), ranks(right)
    mean = (len(left) + 1) / 2
    both = sum((a - mean) * (b - mean) for a, b in zip(ranked_left, ranked_right))
    size = math.sqrt(sum((a - mean) ** 2 for a in ranked_left) * sum((b - mean) ** 2 for b in ranked_right))
    return both / size if size else 0.0


def _arrangement_bits(values: Sequence[float]) -> float:
    """log2 of the number of orders that these values can be put in: no correlation can surprise more."""
    bits, run, before = math.lgamma(len(values) + 1), 0, None
    for value in sorted(values):
        run = run + 1 if value == before else 1
        bits -= math.log(run)
        before = value
    return bits / math.log(2.0)


def volume_bits(went_in: Sequence[float], came_out: Sequence[float]) -> float:
    """Bits of surprise at how well the bytes of these windows agree."""
    if len(went_in) < MIN_WINDOWS or not any(went_in) or not any(came_out):
        return 0.0
    best, at = max((_lagged(went_in, came_out, lag), -lag) for lag in LAGS)
    if best <= 0:
        return 0.0
    wrong = max([0.0] + [_lagged(went_in, came_out, lag) for lag in WRONG_LAGS])
    wrong = max([wrong] + [_lagged(came_out, went_in, lag) for lag in WRONG_LAGS])
    count = len(went_in) + at
    r = min(best - wrong, 0.999999)
    if r <= 0:
        return 0.0
    z = math.atanh(r) * math.sqrt(max(count - 3, 1))
    bits = (z * z / 2 + math.log(max(2.5 * z, 1.0))) / math.log(2.0)
    return min(bits, _arrangement_bits(went_in), _arrangement_bits(came_out))


def _lagged(went_in: Sequence[float], came_out: Sequence[float], lag: int) -> float:
    if len(went_in) - lag < MIN_WINDOWS:
        return 0.0
    return spearman(went_in[: len(went_in) - lag], came_out[lag:])
