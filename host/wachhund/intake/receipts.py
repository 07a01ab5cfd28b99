"""When which robot gets a receipt: the first at once, then one a second at most, of the newest standing. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, replace

from wachhund.ledger.records import Standing

INTERVAL_SECONDS = 1.0
_CHAINS_OF_ONE = 4  # an honest robot speaks of one chain, and for a moment of the one before
_CAME_OF_ONE = 64  # numbers whose arrival is still to be told: twice what an honest robot has on its way


@dataclass(frozen=True)
class Owed:
    """`came`: numbers beyond a hole that came since the last receipt, or that it had no room for, the newest last."""

    standing: Standing
    came: tuple[int, ...] = ()


class ReceiptSchedule:
    """Times are monotonic seconds. Bounded by the number of registered robots."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._pending: dict[str, OrderedDict[str, Owed]] = {}

    def note(self, standing: Standing) -> None:
        """This is committed: its robot is owed a receipt."""
        self.owe(Owed(standing, (standing.came,) if standing.came > standing.seq else ()))

    def owe(self, owed: Owed) -> None:
        """The same, of which some came before."""
        chains = self._pending.setdefault(owed.standing.robot, OrderedDict())
        before = chains.pop(owed.standing.chain, None)
        came = (*before.came, *owed.came) if before is not None else owed.came
        chains[owed.standing.chain] = replace(owed, came=came[-_CAME_OF_ONE:])
        while len(chains) > _CHAINS_OF_ONE:
            chains.popitem(last=False)

    def due(self, now: float) -> list[Owed]:
        """What to receipt at `now`."""
        found = []
        for robot in list(self._pending):
            if now - self._last.get(robot, -INTERVAL_SECONDS) < INTERVAL_SECONDS:
                continue
            chains = self._pending[robot]
            found.append(chains.popitem(last=False)[1])
            self._last[robot] = now
            if not chains:
                del self._pending[robot]
        return found

    def wait(self, now: float) -> float | None:
        """Seconds until something is due; None while nothing is owed."""
        if not self._pending:
            return None
        first = min(self._last.get(robot, -INTERVAL_SECONDS) for robot in self._pending)
        return max(0.0, first + INTERVAL_SECONDS - now)
