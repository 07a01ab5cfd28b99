"""A bell that rings after each commit: a thread may wait for it without asking the database again and again."""

import threading
from collections.abc import Callable


class Bell:
    """Counts rings. Waiting for "more than I have seen" loses no ring, however slow the one who waits.

    Listeners are called in the ringing thread and must not block (`loop.call_soon_threadsafe` does not).
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def rings(self) -> int:
        """How often it has rung."""
        with self._condition:
            return self._rings

    def ring(self) -> None:
        """Wake all who wait."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def wait(self, last_seen: int, timeout: float | None = None) -> int:
        """The count of rings, as soon as it is more than `last_seen`, or after `timeout` seconds whatever it is."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings > last_seen, timeout)
            return self._rings

    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` at each ring from now on. Returns what ends that."""
        with self._condition:
            self._listeners.append(listener)

        def remove() -> None:
            with self._condition:
                self._listeners.remove(listener)

        return remove
