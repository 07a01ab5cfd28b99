"""What a sense is to the loop that runs it: something to look at when it calls, and when it is due."""

from abc import ABC, abstractmethod
from typing import FrozenSet, List

from wachhund_evidence import Coverage, Observation


class Sense(ABC):
    """One thing that is watched. Nothing here may block, or raise for what the robot does.

    `name`: as coverage says it. `interval_s`: seconds between two looks that nobody asked for.
    """

    name = ""
    interval_s = 1.0

    @abstractmethod
    def start(self, mono: float) -> List[Observation]:
        """Open the best source that answers, and tell what is there already. `mono`: seconds since boot."""

    def fds(self) -> List[int]:
        """Descriptors that become readable when something happened; the loop then looks at once."""
        return []

    def own_inodes(self) -> FrozenSet[int]:
        """Sockets of the agent's own that this sense holds: nobody else's connection."""
        return frozenset()

    @abstractmethod
    def look(self, mono: float) -> List[Observation]:
        """What happened since the last look."""

    def ending(self, mono: float) -> List[Observation]:
        """What is counted and not told yet: the agent ends."""
        return []

    @abstractmethod
    def coverage(self) -> Coverage:
        """What this sense can see now, and what it can't, in words."""

    def is_asking(self) -> bool:
        """Whether an answer is on its way without which `coverage` does not know what can be seen."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Give back what was opened."""
