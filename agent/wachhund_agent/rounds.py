"""Looks through the senses that keep no clock of their own: each when it calls, and when it is due."""

from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, WachhundError


class Rounds:
    """A sense that fails is blind until a look succeeds again; it never takes the others with it."""

    def __init__(self, senses: Sequence[Sense]) -> None:
        self._senses = list(senses)
        self._due: Dict[str, float] = {}
        self._calls: Dict[int, str] = {}  # whose descriptor it is
        self.fds: Tuple[int, ...] = ()  # descriptors that call; another tuple whenever they have changed
        self._next = 0.0
        self._failed: Dict[str, str] = {}
        self._started: Dict[str, bool] = {}

    def own_inodes(self) -> FrozenSet[int]:
        """Sockets that the senses hold themselves."""
        return frozenset().union(*(sense.own_inodes() for sense in self._senses))

    def next_due(self) -> Optional[float]:
        """Monotonic seconds of the next look; None without senses."""
        return min(self._due.values()) if self._due else None

    def shortest_s(self) -> float:
        """Seconds between two looks of the sense that wants them most often now: short while it is busy."""
        return min((sense.interval_s for sense in self._senses), default=float("inf"))

    def look(self, mono: float, calling: Sequence[int] = ()) -> List[Observation]:
        """What the senses found that are due, not yet started, or whose descriptor is among `calling`."""
        found: List[Observation] = []
        called = {self._calls[fd] for fd in calling if fd in self._calls}
        if mono < self._next and not called:
            return found
        for sense in self._senses:
            if mono >= self._due.get(sense.name, 0.0) or sense.name in called:
                self._due[sense.name] = mono + sense.interval_s
                found.extend(self._of(sense, mono))
        self._next = self.next_due() or 0.0
        # A sense opens and closes its own only in a look.
        calls = {fd: sense.name for sense in self._senses for fd in sense.fds()}
        if calls != self._calls:
            self._calls, self.fds = calls, tuple(calls)
        return found

    def ending(self, mono: float) -> List[Observation]:
        """What the senses have counted and not told yet: the agent ends."""
        found: List[Observation] = []
        for sense in self._senses:
            try:
                found.extend(sense.ending(mono) if self._started.get(sense.name) else [])
            except (OSError, MemoryError, WachhundError):
                continue  # the others have their last word all the same
        return found

    def coverage(self) -> Dict[str, Coverage]:
        made = {}
        for sense in self._senses:
            seen = sense.coverage()
            failed = self._failed.get(sense.name)
            if failed is not None:
                seen = Coverage(seen.source, "blind", seen.interval_s, seen.dropped, failed)
            made[sense.name] = seen
        return made

    def is_asking(self) -> bool:
        """Whether one of them waits for an answer before it knows what it can see."""
        return any(sense.is_asking() for sense in self._senses)

    def close(self) -> None:
        for sense in self._senses:
            sense.close()

    def _of(self, sense: Sense, mono: float) -> List[Observation]:
        try:
            found = sense.look(mono) if self._started.get(sense.name) else sense.start(mono)
        except (OSError, MemoryError, WachhundError) as error:
            self._failed[sense.name] = "the look failed ({}): it is tried again".format(error)
            return []
        self._started[sense.name] = True
        self._failed.pop(sense.name, None)
        return found
