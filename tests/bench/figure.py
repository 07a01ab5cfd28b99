"""One measured figure: its name, its samples, what it is held against."""

import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`samples` in `unit`. `aim`: what the project wants of it, in words. `note`: what the reader must know."""

    bench: str
    name: str
    unit: str
    samples: tuple[float, ...]
    aim: str = ""
    note: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.samples) if self.samples else None

    def quantile(self, share: float) -> float | None:
        """The smallest sample that at least `share` of all do not exceed."""
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None

    def to_json(self) -> dict[str, Any]:
        return {
            "bench": self.bench,
            "name": self.name,
            "unit": self.unit,
            "n": len(self.samples),
            "median": self.median,
            "p99": self.quantile(0.99),
            "min": min(self.samples, default=None),
            "max": max(self.samples, default=None),
            "aim": self.aim,
            "note": self.note,
        }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def table(figures: list[Figure]) -> str:
    """All figures as aligned text, one line each."""
    head = ("bench", "figure", "median", "p99", "max", "unit", "n", "aim", "note")
    rows = [head] + [
        (
            figure.bench,
            figure.name,
            _number(figure.median),
            _number(figure.quantile(0.99)),
            _number(max(figure.samples, default=None)),
            figure.unit,
            str(len(figure.samples)),
            figure.aim,
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
