"""The daily drill: an observation by which the whole way of alerts is tried, made by the agent's own clock.

Nobody can ask for one: an agent takes no commands. It is a timer and nothing else, and says nothing about the robot.
"""

from typing import Optional

from wachhund_agent.attester import note
from wachhund_evidence import Observation


class DailyDrill:
    """Says when the next drill is due. `mono`: the clock that goes on while the system sleeps; seconds."""

    def __init__(self, first_s: float, every_s: float, now: float) -> None:
        self._next, self._every_s = now + first_s, every_s
        self._number = 0

    def due(self, now: float) -> Optional[Observation]:
        """`agent.drill`, if it is time. One that was slept through is made once, and the next counts from it."""
        if now < self._next:
            return None
        self._next = now + self._every_s
        self._number += 1
        return note("agent.drill", {"number": self._number, "every_s": self._every_s}, now)
