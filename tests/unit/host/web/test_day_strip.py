"""A robot's day as one strip: where it was looked at, where it was silent, and where something is missing."""

import re

from wachhund.ledger.records import ENDED, NOTHING_SINCE, Unobserved
from wachhund.web.day_strip import draw_day

NOW = 1_800_000_000.0
DAY_S = 86_400.0


def shapes(*gaps: Unobserved, first_t: float | None = 0.0) -> list[tuple[str, float, float]]:
    """(class, x, width) of what covers the strip."""
    drawn = draw_day(first_t, gaps, [], NOW)
    found = re.findall(r'<rect(?: class="(silent)")? x="([\d.]+)" y="4" width="([\d.]+)" height="20"', drawn)
    return [(kind or "hatched", float(x), float(width)) for kind, x, width in found]


def test_silence_is_filled_and_what_is_missing_is_hatched() -> None:
    """Differing in shape, so that it is read in black and white; where somebody looked, nothing covers it."""
    assert shapes() == []
    half = Unobserved(NOW - DAY_S / 2, None, NOTHING_SINCE)
    lost = Unobserved(NOW - DAY_S, NOW - 3 * DAY_S / 4, "evidence is missing")
    assert shapes(half, lost) == [("silent", 500.0, 500.0), ("hatched", 0.0, 250.0)]
    both = Unobserved(NOW - DAY_S / 2, NOW, f"{ENDED}; evidence is missing")
    assert [kind for kind, _, _ in shapes(both)] == ["hatched"], "what is missing counts more"


def test_before_the_first_evidence_all_is_silence() -> None:
    assert shapes(first_t=None) == [("silent", 0.0, 1000.0)]
    assert shapes(first_t=NOW - DAY_S / 2) == [("silent", 0.0, 500.0)]
