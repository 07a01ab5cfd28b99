"""The host is killed at each statement of a commit: what was receipted is there, and a commit is whole or not at all.

A kill leaves the database's files as they are at that moment: they are copied then, and opened as a new start would.
"""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Robot


def copy_of(bench: HostBench, to: Path) -> Path:
    """The data folder as SIGKILL would leave it: without the index of the WAL, which is of the process that is gone."""
    shutil.copytree(bench.data.path, to, ignore=shutil.ignore_patterns("*-shm"))
    to.chmod(0o700)
    return to


def held(folder: Path, row: Robot, robot: ScriptedRobot) -> list[int]:
    """The numbers that a host started on that folder has, and their observations with them."""
    bench = HostBench(folder)
    try:
        found = []
        for seq in robot.made:
            token = bench.ledger.token(row.id, robot.chain, seq)
            if token is not None:
                assert len(token.observations) == 1, "a token without what it states"
                found.append(seq)
        assert bench.take(row, robot.token(robot.saw("heartbeat", cpu_s=1.0))), "it takes evidence again"
        return found
    finally:
        bench.close()


@pytest.mark.of_the_file
def test_wherever_a_commit_is_killed_it_is_whole_or_not_there_and_what_was_receipted_stays(tmp_path: Path) -> None:
    bench = HostBench(tmp_path / "live")
    robot = ScriptedRobot()
    row = bench.add("rex", robot)
    receipted = [robot.heartbeat() for _ in range(3)]
    bench.take(row, *receipted)
    assert bench.intake.due_receipts(0.0, 1_000_000.0), "the host has given its word"
    copies: list[Path] = []

    def killed(*_: object) -> None:
        copies.append(copy_of(bench, tmp_path / f"at-{len(copies)}"))

    engine = bench.ledger._database._engine
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(engine, moment, killed)
    batch = [robot.heartbeat() for _ in range(3)]
    bench.take(row, *batch)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.remove(engine, moment, killed)
    assert len(copies) > 20, "before and after each statement, and before the end"
    committed = copy_of(bench, tmp_path / "committed")
    made = dict(robot.made)
    for copy in copies:
        robot.made = dict(made)
        assert held(copy, row, robot) == [1, 2, 3]
    robot.made = dict(made)
    assert held(committed, row, robot) == [1, 2, 3, 4, 5, 6]
    bench.close()
