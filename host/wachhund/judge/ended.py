"""What ended on a robot is kept in mind a little, because facts arrive out of order and stories look back."""

from collections.abc import Iterator
from dataclasses import dataclass, field

KEEP_ENDED_S = 120.0  # seconds of host time

PROCESS, FLOW = "process", "flow"


@dataclass(slots=True)
class Ended:
    """Processes and flows that wait to be forgotten. Of those in mind, so it needs no bound."""

    since: dict[tuple[str, str], float] = field(default_factory=dict)  # what, which: when (host time), the first first

    def note(self, what: str, which: str, t: float) -> None:
        """It ended. What was noted first stands."""
        self.since.setdefault((what, which), t)

    def drop(self, what: str, which: str) -> None:
        """It goes on after all, or is in mind no more."""
        self.since.pop((what, which), None)

    def over(self, now: float) -> Iterator[tuple[str, str]]:
        """Take out what ended more than KEEP_ENDED_S before `now` (host time of the newest fact)."""
        while self.since and next(iter(self.since.values())) < now - KEEP_ENDED_S:
            what, which = next(iter(self.since))
            del self.since[(what, which)]
            yield what, which
