"""When which robot gets a receipt: the first at once, then one a second at most, of the newest standing. Pure."""

from collections import OrderedDict

from wachhund.ledger.records import Standing

INTERVAL_SECONDS = 1.0
_CHAINS_OF_ONE = 4  # an honest robot speaks of one chain, and for a moment of the one before


class ReceiptSchedule:
    """Times are monotonic seconds. Bounded by the number of registered robots."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._pending: dict[str, OrderedDict[str, Standing]] = {}

    def note(self, standing: Standing) -> None:
        """This is committed: its robot is owed a receipt."""
        chains = self._pending.setdefault(standing.robot, OrderedDict())
        chains.pop(standing.chain, None)
        chains[standing.chain] = standing
        while len(chains) > _CHAINS_OF_ONE:
            chains.popitem(last=False)

    def due(self, now: float) -> list[Standing]:
        """The standings to receipt at `now`."""
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
