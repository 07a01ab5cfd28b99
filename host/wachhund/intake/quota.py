"""How much one robot may send: tokens and bytes a second. What is beyond is not read, and waits in its journal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """Rates, and how much may come at once.

    An honest agent makes one token a second and, with a backlog, sends 32 (or 1 MiB of text) for each receipt, one a
    second. `text`: of tokens, inflated: what reading and storing costs goes by it, and a small message may hold much.
    """

    tokens_per_s: float = 64.0
    tokens_at_once: float = 512.0
    bytes_per_s: float = 2.0 * 1024 * 1024
    bytes_at_once: float = 8.0 * 1024 * 1024
    text_per_s: float = 1.0 * 1024 * 1024
    text_at_once: float = 4.0 * 1024 * 1024


class Bucket:
    """A token bucket: `per_s` trickle in, up to `at_once`. Not safe to share between threads."""

    def __init__(self, per_s: float, at_once: float, now: float) -> None:
        self._per_s, self._at_once = per_s, at_once
        self._left, self._then = at_once, now

    def holds(self, amount: float, now: float) -> bool:
        """Whether `amount` is in it at `now` (seconds by any clock; one that goes back adds nothing)."""
        self._left = min(self._at_once, self._left + max(0.0, now - self._then) * self._per_s)
        self._then = now
        return self._left >= amount

    def take(self, amount: float) -> None:
        """Take out what it was found to hold."""
        self._left -= amount


class Allowance:
    """What one robot may still send now. Not safe to share between threads."""

    def __init__(self, quota: Quota, now: float) -> None:
        self._tokens = Bucket(quota.tokens_per_s, quota.tokens_at_once, now)
        self._bytes = Bucket(quota.bytes_per_s, quota.bytes_at_once, now)

    def allows(self, size: int, now: float) -> bool:
        """Whether a message of `size` bytes at `now` (monotonic seconds) is within the quota. If so it is counted."""
        if not (self._tokens.holds(1.0, now) and self._bytes.holds(size, now)):
            return False
        self._tokens.take(1.0)
        self._bytes.take(size)
        return True
