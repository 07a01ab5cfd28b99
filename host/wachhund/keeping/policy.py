"""How long and how much the host keeps: what the operator said, and what no option changes."""

import re
from dataclasses import dataclass

from wachhund_evidence import MisuseError

DAY_S = 86_400.0
KEEP_DAYS = 365  # protocol.md, Keeping and forgetting
FOR_EVER = "forever"
MAX_DAYS = 36_500
# However small --keep-size is: who floods from a robot must not push out what it did yesterday, before anybody saw it.
MIN_KEPT_S = 7 * DAY_S
LEAST_BYTES = 64 * 1024 * 1024  # of --keep-size: an empty ledger and a day of one robot have room in it
_SIZE = re.compile(r"([1-9][0-9]{0,5})([MGT])i?B?", re.ASCII)
_UNITS = {"M": 1024**2, "G": 1024**3, "T": 1024**4}


@dataclass(frozen=True)
class Keep:
    """`seconds`: how long evidence is kept after it arrived; None for ever. `bytes`: of the ledger; None: no bound."""

    seconds: float | None = KEEP_DAYS * DAY_S
    bytes: int | None = None


def parse_keep(days: str | None, size: str | None) -> Keep:
    """From --keep-days and --keep-size. Raises MisuseError."""
    seconds: float | None = KEEP_DAYS * DAY_S
    if days == FOR_EVER:
        seconds = None
    elif days is not None:
        if not (days.isascii() and days.isdecimal() and 1 <= int(days[:9]) <= MAX_DAYS):
            raise MisuseError(f"--keep-days: {days!r}: give a number of days from 1 to {MAX_DAYS}, or {FOR_EVER}")
        seconds = int(days) * DAY_S
    return Keep(seconds, None if size is None else _bytes(size))


def _bytes(size: str) -> int:
    found = _SIZE.fullmatch(size.upper().replace("IB", "iB"))
    wanted = int(found[1]) * _UNITS[found[2]] if found is not None else 0
    if wanted < LEAST_BYTES:
        raise MisuseError(f"--keep-size: {size!r}: give a size from 64M on, such as 500M, 20G or 1T")
    return wanted
