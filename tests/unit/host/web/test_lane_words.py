"""What pages say of those who work on the fleet: the lanes, and how far behind judging is."""

import time

from tests.robots.ledger_place import take_away
from tests.unit.host.web.stage import Player
from wachhund.ledger import Ledger
from wachhund.ledger.lanes import DESK, LaneStanding
from wachhund.web import lane_words
from wachhund.web.lane_words import BEHIND_S, UNHELD_S, Lag
from wachhund.web.ledger_faults import LedgerFaults

WELL = Lag(0, 0.0)


def test_a_lane_that_changes_hands_is_no_fault_and_one_that_nobody_takes_is() -> None:
    """Workers come and go; robots whose evidence nobody takes in must be known of."""
    held, moving = LaneStanding(0, "a-1", 0.0), LaneStanding(1, "", UNHELD_S - 1)
    assert lane_words.faults_of([held, moving], WELL) == []
    (said,) = lane_words.faults_of([held, LaneStanding(1, "", 40.0)], WELL)
    assert said.startswith("lanes 1: held by no worker for 40 s") and "too few workers run" in said
    (said,) = lane_words.faults_of([LaneStanding(n, "", 40.0) for n in (DESK, *range(20))], WELL)
    assert "no worker runs" in said and "0, 1, 2, 3, 4, 5, 6, 7, ...:" in said
    (said,) = lane_words.faults_of([held, LaneStanding(DESK, "", 40.0)], WELL)
    assert said.startswith("the desk: ")


def test_evidence_that_waits_to_be_judged_is_said(ledger: Ledger, player: Player) -> None:
    """Quiet pages of a fleet that nobody judges would be a lie."""
    now = time.time()
    lag = lane_words.lag_of(ledger, now)
    assert lag.waiting == ledger.last_observation() > 0 and lag.behind_s < BEHIND_S
    assert lane_words.faults_of((), lag) == []
    (said,) = LedgerFaults(ledger, clock=lambda: now + 90)()
    assert said is not None and "the first for 9" in said and "`wachhund serve`" in said
    ledger.save_judgement(ledger.last_observation(), [], [])
    assert LedgerFaults(ledger, clock=lambda: now + 90)() == ()


def test_a_ledger_that_cannot_be_read_is_itself_the_fault(ledger: Ledger) -> None:
    """The banner says so, and no page fails for its sake."""
    faults = LedgerFaults(ledger)
    ledger.close()
    take_away(ledger.path)
    (said,) = faults()
    assert said is not None and said.startswith("ledger: ")
