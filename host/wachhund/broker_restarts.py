"""How long the broker is left alone before it is started again: twice as long each time, until one has lasted."""

import time

_FIRST_SECONDS, _LONGEST_SECONDS = 0.2, 30.0
_SETTLED_SECONDS = 60.0  # after so long the next end of it begins with the short pause again


class Restarts:
    """Begins with a broker that was just started. `pause_s`: until it is tried once more."""

    def __init__(self) -> None:
        self.pause_s = _FIRST_SECONDS
        self._began, self._runs = time.monotonic(), True

    @property
    def age_s(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._began

    def note(self) -> None:
        """It has ended, and is about to be started again."""
        if self._runs and self.age_s > _SETTLED_SECONDS:
            self.pause_s = _FIRST_SECONDS
        self._runs = False
        self.pause_s = min(self.pause_s * 2, _LONGEST_SECONDS)

    def done(self) -> None:
        """It was started."""
        self._began, self._runs = time.monotonic(), True
