"""How much one robot may send: tokens and bytes a second. What is beyond is not read, and waits in its journal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """A rate and how much of it may come at once.

    An honest agent makes one token a second and, with a backlog, sends 32 (or 1 MiB) for each receipt, one a second.
    """

    tokens_per_s: float = 64.0
    tokens_at_once: float = 512.0
    bytes_per_s: float = 2.0 * 1024 * 1024
    bytes_at_once: float = 8.0 * 1024 * 1024


class Allowance:
    """What one robot may still send now (two token buckets). Not safe to share between threads."""

    def __init__(self, quota: Quota, now: float) -> None:
        self._quota = quota
        self._tokens, self._bytes, self._then = quota.tokens_at_once, quota.bytes_at_once, now

    def allows(self, size: int, now: float) -> bool:
        """Whether a message of `size` bytes at `now` (monotonic seconds) is within the quota. If so it is counted."""
        quota, passed = self._quota, max(0.0, now - self._then)
        self._then = now
        self._tokens = min(quota.tokens_at_once, self._tokens + passed * quota.tokens_per_s)
        self._bytes = min(quota.bytes_at_once, self._bytes + passed * quota.bytes_per_s)
        if self._tokens < 1.0 or self._bytes < size:
            return False
        self._tokens -= 1.0
        self._bytes -= size
        return True
