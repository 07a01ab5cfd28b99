"""Counts of what was refused, gathered in memory: whoever sends rubbish must not be able to make the disk write it.

Broker and intake count here; the intake writes to the ledger once a second. The reasons are listed in protocol.md.
"""

import threading
import time
from collections.abc import Iterable, Iterator

from wachhund.ledger.records import Rejection

_SAMPLE_CHARS = 200
_SAMPLE_BYTES = 48  # of a message: enough to see what it is
NOBODY = ""  # of no registered robot; all of them share its rows


def sample_of(message: bytes) -> str:
    """How a message begins, in printable ASCII."""
    more = f" ... {len(message)} bytes" if len(message) > _SAMPLE_BYTES else ""
    return ascii(message[:_SAMPLE_BYTES])[1:] + more


def plain(text: str) -> str:
    """A text of a stranger in printable ASCII: nothing in it can move a terminal's cursor or forge a line."""
    return ascii(text)[1:-1]


class Rejections:
    """Safe to use from several threads. Bounded: one row for each registered robot (or none) and stable reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], Rejection] = {}

    def count(self, robot: str, reason: str, detail: str, t: float) -> None:
        """Count one at host time `t`. `robot`: a registered robot's id, or NOBODY. `detail`: the newest sample."""
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


def of_robot(counted: Iterable[Rejection], robot: str) -> list[Rejection]:
    """What was refused of one robot, or of NOBODY, by reason."""
    return sorted((one for one in counted if one.robot == robot), key=lambda one: one.reason)


def lines(counted: Iterable[Rejection]) -> Iterator[str]:
    """For a terminal: how often, for which reason, since when and until when, and the newest sample."""
    for one in counted:
        first, last = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (one.first_t, one.last_t))
        yield f"refused {one.count} x {one.reason}  {first} to {last}  newest: {plain(one.sample)}"
