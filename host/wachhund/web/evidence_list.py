"""Evidence: whose, how much of it, and whether each piece stands; checked at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.ledger import ChainLine, Gap, Ledger, Robot, reading
from wachhund.web import facts
from wachhund.web.evidence_view import EvidenceView

TOKENS_A_PAGE = 25  # each is checked again: some 300 us
ROBOTS_OFFERED = 200  # by name; others are reached from their own pages


@dataclass(frozen=True)
class EvidenceList:
    """A page of a robot's tokens, newest first. `before`: asks for the next page; None at the end."""

    robot: Robot
    chains: Sequence[ChainLine]
    gaps: Sequence[Gap]
    tokens: Sequence[EvidenceView]
    before: int | None

    @property
    def failed(self) -> int:
        """How many of these do not stand."""
        return sum(not view.stood for view in self.tokens)


def evidence_list(ledger: Ledger, name: str, before: int | None) -> EvidenceList | None:
    """The tokens of the robot of that name; `before`: older than that row. None when there is no such robot."""
    robot = ledger.robot_by_name(name)
    if robot is None:
        return None
    with ledger.moment() as connection:
        rows = reading.places_before(connection, robot.id, before, TOKENS_A_PAGE + 1)
    shown = (facts.show_evidence(ledger, name, chain, seq) for _, chain, seq in rows[:TOKENS_A_PAGE])
    more = rows[TOKENS_A_PAGE - 1][0] if len(rows) > TOKENS_A_PAGE else None
    tokens = [view for view in shown if view is not None]  # one may have been erased meanwhile
    return EvidenceList(robot, ledger.chain_line(robot.id), ledger.gaps(robot.id), tokens, more)
