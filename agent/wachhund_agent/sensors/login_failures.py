"""Tries to log in that failed, counted by where they came from: told soon, and not each."""

from collections import OrderedDict
from typing import List, Optional, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_evidence import Observation

SOURCES_KEPT = 256
FAILED_EVERY_S = 10.0  # how late a try that failed may be told
MANY_FAILED, MANY_EVERY_S = 10, 2.0  # and how late so many from one source


class _Failures:
    """Failed tries from one source since it was last told."""

    __slots__ = ("count", "first", "invalid", "last", "service", "told", "urgent")

    def __init__(self, service: str, mono: float) -> None:
        self.service = service
        self.first = self.last = mono
        self.told = float("-inf")
        self.count = self.invalid = 0
        self.urgent = False  # somebody came in from there

    def due(self, mono: float) -> bool:
        """Whether it is time to tell of them."""
        wait = MANY_EVERY_S if self.count >= MANY_FAILED else FAILED_EVERY_S
        return self.count > 0 and (self.urgent or mono - self.told >= wait)


class LoginFailures:
    """Kind: `login.failed`. `dropped`: tries that are not told, for there were too many sources."""

    def __init__(self) -> None:
        self._by_source: "OrderedDict[str, _Failures]" = OrderedDict()
        self.dropped = 0

    def add(
        self, service: str, origin: Optional[Tuple[str, Optional[int]]], times: int, invalid: bool, mono: float
    ) -> None:
        """Counted by source. The name that was tried is not kept: people type passwords there."""
        source = "" if origin is None else origin[0]
        failures = self._by_source.get(source)
        if failures is None:
            if len(self._by_source) >= SOURCES_KEPT:
                self.dropped += self._by_source.popitem(last=False)[1].count
            failures = self._by_source[source] = _Failures(service, mono)
        if not failures.count:
            failures.first = mono
        failures.count += times
        failures.invalid += times if invalid else 0
        failures.last = mono

    def hurry(self, origin: Optional[Tuple[str, Optional[int]]]) -> None:
        """Somebody came in from there: what failed before is told before that."""
        tried = self._by_source.get("" if origin is None else origin[0])
        if tried is not None:
            tried.urgent = True

    def due(self, mono: float, everything: bool = False) -> List[Observation]:
        """What is to be told now. `everything`: also what could wait."""
        found = []
        for source, failures in list(self._by_source.items()):
            if failures.due(mono) or (everything and failures.count):
                fields = {
                    "service": failures.service,
                    "from": [source, None] if source else None,
                    "count": failures.count,
                    "unknown_users": failures.invalid,
                    "first_mono": round(failures.first, 3),
                    "last_mono": round(failures.last, 3),
                }
                found.append(Observation("login.failed", wall(mono), mono, "login/auth.log", fields))
                failures.told, failures.count, failures.invalid, failures.urgent = mono, 0, 0, False
            elif not failures.count and mono - failures.last > 6 * FAILED_EVERY_S:
                del self._by_source[source]
        return found
