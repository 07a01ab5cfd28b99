"""Times as people give them at the command line: ISO 8601, UTC unless they say otherwise."""

import time
from datetime import UTC, datetime

from wachhund_evidence import MisuseError


def parse_moment(text: str, option: str) -> float:
    """Seconds since the epoch. A date alone is its first moment. Raises MisuseError, naming the option."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise MisuseError(
            f"{option}: {text!r}: give a time such as 2026-08-01 or 2026-08-01T14:30 (UTC), or with +02:00 at its end"
        ) from None


def shown(t: float | None) -> str:
    """`2026-08-01T14:30:00Z`, or "the beginning"."""
    if t is None or not 0 <= t < 253_370_764_800:  # what strftime can say
        return "the beginning" if t is None or t < 0 else "the end"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
