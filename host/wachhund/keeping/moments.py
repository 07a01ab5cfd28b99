"""Times as people give them at the command line: ISO 8601, UTC unless they say otherwise."""

import re
import time
from datetime import UTC, datetime

from wachhund_evidence import MisuseError

_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 7 * 86_400.0}


def parse_moment(text: str, option: str) -> float:
    """Seconds since the epoch. A date alone is its first moment. Raises MisuseError, naming the option."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise MisuseError(
            f"{option}: {text!r}: give a time such as 2026-08-01 or 2026-08-01T14:30 (UTC), or with +02:00 at its end"
        ) from None


def parse_since(text: str, now: float) -> float:
    """`7d`, `36h`, `45m`, `30s`, `2w` before now, or a moment. Raises MisuseError."""
    told = _SPAN.fullmatch(text.strip())
    if told is not None:
        return max(0.0, now - int(told[1]) * _UNITS[told[2]])
    try:
        return parse_moment(text, "--since")
    except MisuseError:
        raise MisuseError(f"--since: {text!r}: give a span such as 7d, 36h or 30m, or a time: 2026-08-01") from None


def shown(t: float | None) -> str:
    """`2026-08-01T14:30:00Z`, or "the beginning"."""
    if t is None or not 0 <= t < 253_370_764_800:  # what strftime can say
        return "the beginning" if t is None or t < 0 else "the end"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
