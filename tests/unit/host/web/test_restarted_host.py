"""What a host that is started anew says of robots that were silent meanwhile: a deadline is a stored time, no timer."""

from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Ledger
from wachhund.web import facts

T = 1_700_000_000.0


@pytest.mark.parametrize(("later", "word"), [(59.0, "verified"), (61.0, "late"), (301.0, "silent"), (9e5, "silent")])
def test_a_deadline_that_passes_while_the_host_is_down_has_passed(tmp_path: Path, later: float, word: str) -> None:
    """Counted from the last evidence, not from the start of the host: a restart gives a dead robot no new credit."""
    robot = ScriptedRobot(clock=lambda: T)
    bench = HostBench(tmp_path)
    row = bench.add("rex", robot)
    robot.nonce = bench.nonce(robot, T - 1)
    bench.take(row, robot.heartbeat(), t=T)
    bench.close()
    ledger = Ledger.open(bench.data.ledger)
    try:
        (known,) = ledger.robots()
        proof = facts.robot_standing(ledger, known, T + later).proof
        assert proof.word == word and proof.since_t == T
    finally:
        ledger.close()
