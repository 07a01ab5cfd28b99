"""Which of the host's addresses is tried next, and after how long. Pure: no socket, no clock.

A round tries the addresses in their order, one right after the other, and ends with the last. Between rounds there is
a wait, twice as long each time, up to a bound. Where the host itself turned us away there is the first wait before the
next address, which may well be the same host's.

A connection that stands is kept, whatever else would answer. When it is lost the first address comes first again, so
that a robot that was carried home is soon at home. Only after one that stood for less than `STOOD_S` it is the turn of
the next: an address that lets us in and throws us out does not keep us from the others.
"""

STOOD_S = 60.0  # seconds; a broker that starts anew, or a network that is changed, leaves connections that stood longer


class WayHome:
    """`count`: of addresses. `place`: of the one that is tried now, or that works; from 0."""

    def __init__(self, count: int, first_s: float, last_s: float) -> None:
        """`first_s`, `last_s`: the first wait between rounds, and the longest."""
        self._count, self._first_s, self._last_s = count, first_s, last_s
        self._wait_s = first_s
        self.place = 0

    def worked(self) -> None:
        """A connection stands."""
        self._wait_s = self._first_s

    def failed(self, by_host: bool = False) -> float:
        """The address at `place` didn't do. Returns the seconds to wait before the one that is `place` now.

        `by_host`: the host was there and turned us away.
        """
        self.place = (self.place + 1) % self._count
        if self.place == 0:
            return self._between_rounds()
        return self._first_s if by_host else 0.0

    def lost(self, stood_s: float) -> float:
        """A connection is gone that stood for so long. Returns seconds as `failed` does."""
        self.place = 0 if stood_s >= STOOD_S else (self.place + 1) % self._count
        return self._between_rounds()

    def _between_rounds(self) -> float:
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, self._last_s)
        return wait_s
