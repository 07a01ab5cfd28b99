"""The thread that looks after silences, with clocks that a test sets."""

import time

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.alerts.silences import Typed, draft
from wachhund.alerts.watch import SilenceWatch
from wachhund.ledger import Ledger
from wachhund.ledger.silence_records import UNMATCHED_S


class Clocks:
    """The host's clock, and the one that nobody sets."""

    def __init__(self) -> None:
        self.host = time.time()
        self.steady = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.host += seconds
        self.steady += seconds


def watch(ledger: Ledger, clocks: Clocks) -> SilenceWatch:
    return SilenceWatch(ledger, lambda: clocks.host, lambda: clocks.steady, lambda: "this boot")


def test_one_that_holds_something_back_stays_and_an_unused_one_ends_itself(ledger: Ledger, player: Player) -> None:
    clocks = Clocks()
    used, unused = (
        ledger.silencing.make(
            draft(Typed(kinds=(kind,), until="20d", ends_unused=True, why="lab"), ledger, "anna", clocks.host)
        )
        for kind in ("tunnel", "posture")
    )
    session = player.session("s1", origin=RELAY_PATH, incident="i1")
    ledger.save_judgement(1, [player.incident("i1", sessions=[session], kind="tunnel", level="high")], [])
    one = watch(ledger, clocks)
    one.look()
    for _ in range(5):
        clocks.pass_by(UNMATCHED_S / 4)
        one.look()
    assert [silence.id for silence in ledger.silencing.valid(clocks.host)] == [used.id]
    assert ledger.silencing.acts(unused.id)[-1].act == "unused"


def test_a_clock_that_somebody_sets_moves_the_ends_also_over_a_restart(ledger: Ledger, player: Player) -> None:
    clocks = Clocks()
    made = ledger.silencing.make(draft(Typed(kinds=("tunnel",), why="lab"), ledger, "anna", clocks.host))
    watch(ledger, clocks).look()
    clocks.pass_by(60)
    clocks.host += 86_400
    one = watch(ledger, clocks)
    one.look()
    assert abs(one.moved_s - 86_400) < 1
    (moved,) = ledger.silencing.valid(clocks.host)
    assert abs(moved.until_t - made.until_t - 86_400) < 1


def test_it_looks_by_itself_until_it_is_stopped(ledger: Ledger, player: Player) -> None:
    """With the real clocks: nothing moved, so nothing is told."""
    one = SilenceWatch(ledger)
    one.start()
    one.stop()
    one.look()
    assert one.moved_s == 0.0
