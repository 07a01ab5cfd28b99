"""Which robots are kept off the broker for a while, because they send far more than they may, or where they may not.

Nothing of theirs is lost: evidence waits in the robot's journal until it is let in again. It changes no robot's state.
Who is counted here is known by what the broker let in: nobody else can have a robot held off.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How much is too much. `limit`: refusals at once, of which `per_s` are forgotten each second.

    The first pause is `first_s`; each further one is twice the one before, up to `longest_s`, until none was needed for
    `calm_s`. An honest robot is refused nothing; 256 at once are a flood, 16 a second go on for ever.
    """

    limit: float = 256.0
    per_s: float = 16.0
    first_s: float = 30.0
    longest_s: float = 900.0
    calm_s: float = 3600.0


@dataclass
class _Account:
    level: float = 0.0
    then: float = 0.0
    until: float = 0.0
    pause: float = 0.0


class HeldOff:
    """Safe to use from several threads. Bounded by the number of registered robots. Times are monotonic seconds."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self.on_change: Callable[[], None] = lambda: None  # somebody is held off from now on: the broker wakes up

    def note(self, robot: str, weight: float, now: float) -> float | None:
        """Something of `robot` was refused. Seconds for which it is held off, if this was too much; else None."""
        patience = self._patience
        with self._lock:
            account = self._accounts.setdefault(robot, _Account(then=now))
            if now < account.until:
                return None
            account.level = max(0.0, account.level - (now - account.then) * patience.per_s) + weight
            account.then = now
            if account.level <= patience.limit:
                return None
            if now - account.until > patience.calm_s:
                account.pause = 0.0
            account.pause = min(max(patience.first_s, 2 * account.pause), patience.longest_s)
            account.level, account.until = 0.0, now + account.pause
        self.on_change()
        return account.pause

    def note_grave(self, robot: str, now: float) -> float | None:
        """As `note`, for what an honest robot never does: once is too much."""
        return self.note(robot, 2 * self._patience.limit, now)

    def held(self, now: float) -> frozenset[str]:
        """The robots that are held off at `now`."""
        with self._lock:
            return frozenset(robot for robot, account in self._accounts.items() if now < account.until)
