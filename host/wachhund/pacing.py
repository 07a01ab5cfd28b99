"""How soon work that comes again and again begins anew, where each turn costs something whatever there is to do."""

import time
from collections.abc import Callable

# For so many times what the last turn took: a turn's fixed cost stays a small part, however busy the machine.
_RESTS = 10.0


class Pace:
    """Of one thread: turns that follow each other after at least `least_s`, and at most `most_s` where they take long.

    What comes meanwhile is done together. Who was idle for longer begins at once.
    """

    def __init__(self, least_s: float, most_s: float, mono: Callable[[], float] = time.monotonic) -> None:
        self._least_s, self._most_s, self._mono = least_s, most_s, mono
        self._began = self._next = float("-inf")

    def begin(self) -> None:
        """A turn begins."""
        self._began = self._mono()

    def end(self) -> None:
        """It is done, and nothing was left over."""
        took = self._mono() - self._began
        self._next = self._began + min(self._most_s, max(self._least_s, _RESTS * took))

    def rest_s(self) -> float:
        """Seconds until the next turn may begin; 0 for now."""
        return max(0.0, self._next - self._mono())
