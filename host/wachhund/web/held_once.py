"""What is kept between a question and its answer: for one holder each, taken once, for minutes, and not many at a time.

It lives in this process: who began before the host was started anew begins again.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

MOST = 1024
_Kept = TypeVar("_Kept")


class HeldOnce(Generic[_Kept]):
    """Safe to use from several threads. A holder has one at a time: a new one makes the one before void."""

    def __init__(
        self, holds_s: float, most: int = MOST, monotonic: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._holds_s, self._most, self._monotonic = holds_s, most, monotonic
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[float, _Kept]] = OrderedDict()

    def put(self, holder: str, kept: _Kept) -> None:
        """Keep it for that holder. The oldest is forgotten when there are too many."""
        with self._lock:
            self._held.pop(holder, None)
            self._held[holder] = (self._monotonic() + self._holds_s, kept)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def take(self, holder: str) -> _Kept | None:
        """The holder's, which is used up by that whatever becomes of it; None: there is none, or it is too old."""
        with self._lock:
            until, kept = self._held.pop(holder, (0.0, None))
        return kept if kept is not None and self._monotonic() < until else None
