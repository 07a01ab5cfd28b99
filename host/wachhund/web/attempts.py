"""How often one may try to come in: a person mistypes a few times, a guesser needs millions."""

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from wachhund.ledger import Ledger
from wachhund.ledger.counted_attempts import Bound, Full
from wachhund.web.said import say_n

# Attempts in a window (seconds), per address and together.
WINDOW_S = 60
ATTEMPTS_PER_ADDRESS = 10
ATTEMPTS_TOGETHER = 60
_ADDRESSES_KEPT = 1024


class TooManyAttempts(Exception):
    """Try again after `wait_s` whole seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many attempts: try again in {wait_s} s")
        self.wait_s = wait_s

    @property
    def words(self) -> str:
        """What whoever tried is told on a page."""
        return say_n(
            "Too many attempts. Try again in %(n)s second.",
            "Too many attempts. Try again in %(n)s seconds.",
            self.wait_s,
        )


def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv6 network of 64 bits is one household's."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


class Attempts:
    """Counts attempts in a sliding window, at this process only: for what costs this machine something.

    The addresses kept are bounded, the oldest forgotten first.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, window_s: float = WINDOW_S,
        for_one: int = ATTEMPTS_PER_ADDRESS, together: int = ATTEMPTS_TOGETHER,
    ) -> None:  # fmt: skip
        self._monotonic, self._window_s, self._for_one = monotonic, window_s, for_one
        self._lock = threading.Lock()
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()
        self._together: deque[float] = deque(maxlen=together)

    def note(self, address: str, is_known: Callable[[], bool] = lambda: False) -> None:
        """Count one attempt. Raises TooManyAttempts, which is not counted: waiting always helps.

        `is_known`: whether somebody logged in from there before; then what others try does not count against it.
        """
        now = self._monotonic()
        with self._lock:
            mine = self._by_address.setdefault(address, deque(maxlen=self._for_one))
            self._by_address.move_to_end(address)
            while len(self._by_address) > _ADDRESSES_KEPT:
                self._by_address.popitem(last=False)
            self._require_room(mine, now)
            # Whether it is known is asked only when it matters: the question reads the ledger.
            if not (self._is_full(self._together, now) and is_known()):
                self._require_room(self._together, now)
                self._together.append(now)
            mine.append(now)

    def require_room(self, address: str) -> None:
        """Raises TooManyAttempts when that one's count is full; counts nothing."""
        with self._lock:
            self._require_room(self._by_address.get(address, deque(maxlen=self._for_one)), self._monotonic())

    def _is_full(self, times: deque[float], now: float) -> bool:
        return len(times) == times.maxlen and now - times[0] < self._window_s

    def _require_room(self, times: deque[float], now: float) -> None:
        if self._is_full(times, now):
            raise TooManyAttempts(int(self._window_s - (now - times[0])) + 1)


class SharedAttempts:
    """The same for all processes of the pages, counted in the ledger: for what may be guessed.

    `kind`: what is tried. `clock`: host time. Every method may raise LedgerError.
    """

    def __init__(
        self, ledger: Ledger, kind: str, clock: Callable[[], float] = time.time, window_s: float = WINDOW_S,
        for_one: int = ATTEMPTS_PER_ADDRESS, together: int = ATTEMPTS_TOGETHER,
    ) -> None:  # fmt: skip
        self._counted, self._kind, self._clock = ledger.counted_attempts, kind, clock
        self._bound = Bound(window_s, for_one, together)

    def note(self, address: str, is_known: Callable[[], bool] = lambda: False) -> None:
        """As `Attempts.note`."""
        now = self._clock()
        full = self._counted.note(self._kind, address, self._bound, now)
        # Whether it is known is asked only when it matters.
        if full is not None and not full.is_own and is_known():
            full = self._counted.note(self._kind, address, self._bound, now, spared=True)
        _require(full)

    def require_room(self, address: str) -> None:
        """As `Attempts.require_room`."""
        _require(self._counted.full(self._kind, address, self._bound, self._clock()))


def _require(full: Full | None) -> None:
    if full is not None:
        raise TooManyAttempts(int(full.wait_s) + 1)
