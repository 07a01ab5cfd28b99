"""A ledger with one robot, and a judging thread over it: where tests of the loop and its rooms take place."""

from collections.abc import Callable
from pathlib import Path

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import BUILT_IN, Recording
from tests.waiting import until
from wachhund.judge.loop import JudgeLoop

T = 1_000_000.0  # when the bench takes tokens


class Stage:
    """A ledger with one robot whose story is told in tokens of a few observations."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.robot = ScriptedRobot()
        self.row = self.bench.add("go1-07", self.robot)

    def send(self, scene: Recording, size: int = 3) -> None:
        """Commit a scene."""
        observations = [fact.observation for fact in scene.facts]
        for start in range(0, len(observations), size):
            self.bench.take(self.row, self.robot.token(*observations[start : start + size]))

    def judged(self, while_running: Callable[[], None] = lambda: None, judge: JudgeLoop | None = None) -> JudgeLoop:
        """Run a loop until it has judged all there is."""
        judge = judge or JudgeLoop(self.bench.ledger, BUILT_IN.rules, clock=lambda: T)
        judge.start()
        try:
            while_running()
            until(lambda: not self.bench.ledger.observations_after(judge.cursor, 1), 20, "everything is judged")
            until(lambda: self.bench.ledger.judge_cursor() >= judge.cursor, 20, "everything is saved")
        finally:
            judge.stop()
        return judge
