"""What the judge keeps in mind of one robot's present. Each room is bounded by itself; the ledger holds the rest."""

from dataclasses import dataclass, field

from wachhund.judge.ended import FLOW, Ended
from wachhund.judge.flows import Flows
from wachhund.judge.links import Links
from wachhund.judge.listeners import Listeners
from wachhund.judge.looks import Looks
from wachhund.judge.processes import Processes


@dataclass(slots=True)
class Memory:
    """One robot's present, and what concerns all of it: a new run of the agent, and forgetting.

    `ended`: shared, since processes and flows are forgotten in the order in which their ends were told.
    """

    ended: Ended = field(default_factory=Ended)
    processes: Processes = field(init=False)
    flows: Flows = field(init=False)
    listeners: Listeners = field(default_factory=Listeners)
    links: Links = field(default_factory=Links)
    looks: Looks = field(default_factory=Looks)

    def __post_init__(self) -> None:
        self.processes, self.flows = Processes(self.ended), Flows(self.ended)

    def agent_began(self, mono: float) -> None:
        """A new run of the agent, at that time of the robot's: what was told before counts only when told again."""
        self.flows.agent_began(mono)
        self.processes.agent_began(mono)
        self.listeners.agent_began(mono)
        self.looks.agent_began(mono)

    def end_unseen(self, now: float) -> list[str]:
        """Processes, listeners and looks that were not told again have ended. Returns the names of the looks."""
        self.processes.end_unseen(now)
        self.listeners.end_unseen()
        return self.looks.end_unseen()

    def forget(self, now: float) -> None:
        """Drop what ended more than KEEP_ENDED_S before `now` (host time of the newest fact)."""
        for what, which in self.ended.over(now):
            if what == FLOW:
                self.flows.drop(which)
            else:
                self.processes.drop(which)

    def forget_span(self, from_t: float, to_t: float) -> None:
        """Drop what was told in a span of host time, also what is still there."""
        self.flows.forget_span(from_t, to_t)
        self.processes.forget_span(from_t, to_t)
        self.listeners.forget_span(from_t, to_t)
        self.looks.clear()
        self.links.forget_span(from_t, to_t)
