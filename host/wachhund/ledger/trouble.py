"""What keeps a loop from its work: said when it begins and when it is over, not at each try in between."""

import logging
import threading


class Trouble:
    """Of one loop, such as "judge", by whose name its words begin. Safe to use from several threads."""

    def __init__(self, log: logging.Logger, whose: str, goes_on: str) -> None:
        """`goes_on`: what is said when it is over."""
        self._log, self._whose, self._goes_on = log, whose, goes_on
        self._lock = threading.Lock()
        self._is_on = False

    @property
    def is_on(self) -> bool:
        """Whether it has begun, and is not over."""
        return self._is_on

    def begins(self, what: str) -> bool:
        """Say it, unless it was on already. True when it was said."""
        with self._lock:
            was, self._is_on = self._is_on, True
        if not was:
            self._log.error("%s: %s", self._whose, what)
        return not was

    def is_over(self) -> None:
        """The work goes on; said if it did not before."""
        with self._lock:
            was, self._is_on = self._is_on, False
        if was:
            self._log.warning("%s: %s", self._whose, self._goes_on)
