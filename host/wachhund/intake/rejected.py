"""Counts of what was refused, gathered in memory: whoever sends rubbish must not be able to make the disk write it."""

import threading

from wachhund.ledger.records import Rejection

_SAMPLE_CHARS = 200


class Rejections:
    """Safe to use from several threads. Bounded: one row for each registered robot (or none) and stable reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], Rejection] = {}

    def count(self, robot: str, reason: str, detail: str, t: float) -> None:
        """Count one. `robot` is a registered robot's id or empty; `detail` is kept as the newest sample."""
        sample = detail[:_SAMPLE_CHARS]
        with self._lock:
            before = self._counted.get((robot, reason))
            number, first_t = (before.count, before.first_t) if before is not None else (0, t)
            self._counted[(robot, reason)] = Rejection(robot, reason, number + 1, first_t, t, sample)

    def take(self) -> list[Rejection]:
        """What was counted since the last call."""
        with self._lock:
            taken = list(self._counted.values())
            self._counted.clear()
        return taken

    def give_back(self, taken: list[Rejection]) -> None:
        """Count again what could not be stored."""
        with self._lock:
            for one in taken:
                there = self._counted.get((one.robot, one.reason))
                if there is not None:
                    one = Rejection(
                        one.robot, one.reason, one.count + there.count, one.first_t, there.last_t, there.sample
                    )
                self._counted[(one.robot, one.reason)] = one
