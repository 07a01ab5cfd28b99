"""A list as CSV (RFC 4180) that a spreadsheet may open: text that a robot sent must not become a formula there.

A cell that begins with = + - @ (also in their wide forms) is a formula for Excel, LibreOffice and Google Sheets; so
gets one that stands behind a separator of another locale, where the cell would be cut in two. Both get a ' before it
(OWASP, CSV Injection). Tabs, line breaks and what else hides or turns text are shown as their codes.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from wachhund.web.robot_text import visible

_FORMULA = re.compile("(^|[;|,\"'])(\\s*[=+@\uff1d\uff0b\uff0d\uff20-])")
_LAST_S = 253_402_300_799.0
_ROWS_A_PIECE = 200

Cell = str | int | float | bool | None


def defused(text: str) -> str:
    """Text as it may stand in a cell."""
    return _FORMULA.sub(r"\1'\2", visible(text))


def moment(t: float | None) -> str:
    """A time as spreadsheets read it, UTC; empty for none, and for what is none."""
    if t is None or not 0 <= t <= _LAST_S:
        return ""
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, (int, float)) else defused(value)


def pieces(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The file in pieces: some rows at a time stand in memory, however long the list is."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):
        writer.writerow([_cell(value) for value in row])
        if number % _ROWS_A_PIECE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
