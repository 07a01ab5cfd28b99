"""What happens to a robot's agent, its disk and its journal."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.faults.kills.kept import Kept
from tests.faults.kills.stage import RealRobot, Stage, fill

_PAGE = 4096


class At(NamedTuple):
    """Where a fault happens."""

    stage: Stage
    robot: RealRobot
    kept: Kept
    chance: random.Random


def agent_killed(at: At) -> None:
    at.robot.end(signal.SIGKILL)
    at.robot.start()


def agent_killed_again_and_again(at: At) -> None:
    for _ in range(3):
        at.robot.end(signal.SIGKILL)
        at.robot.start()
        time.sleep(at.chance.uniform(0.1, 1.5))
    agent_killed(at)


def agent_restarted(at: At) -> None:
    at.robot.end(signal.SIGTERM)
    at.robot.start()


def agent_stopped(at: At) -> None:
    """SIGSTOP: it does not run, and then goes on."""
    at.robot.send(signal.SIGSTOP)
    time.sleep(at.chance.choice((0.5, 3.0, 8.0)))
    at.robot.send(signal.SIGCONT)


def disk_full(at: At) -> None:
    """Somebody fills the robot's small disk to the last byte, and clears it up again."""
    taken = fill(at.robot.folder / "agent-data")
    time.sleep(at.chance.uniform(2.0, 5.0))
    if at.chance.random() < 0.5:
        at.robot.end(signal.SIGKILL)
        at.robot.start()
        time.sleep(2.0)
    taken.unlink(missing_ok=True)


def disk_full_for_good(at: At) -> None:
    """All but a megabyte is taken while the robot goes on."""
    taken = fill(at.robot.folder / "agent-data", leave=1 << 20)
    time.sleep(4.0)
    taken.unlink(missing_ok=True)


def _segments(at: At) -> list[Path]:
    return sorted(at.robot.journal.glob("*.journal"))


def pages_damaged(at: At) -> None:
    """A few pages of the journal read as nothing or as rubbish, and the agent starts upon that."""
    at.kept.read(at.robot)
    at.robot.end(signal.SIGKILL)
    at.kept.read(at.robot)
    at.kept.note_harm()
    for path in at.chance.sample(_segments(at), min(2, len(_segments(at)))):
        data = bytearray(path.read_bytes())
        if data:
            begin = at.chance.randrange(len(data)) // _PAGE * _PAGE
            size = min(_PAGE, len(data) - begin)
            data[begin : begin + size] = at.chance.choice((bytes(size), b"\xff" * size, at.chance.randbytes(size)))
            path.write_bytes(bytes(data))
    at.robot.start()


def pages_damaged_while_it_runs(at: At) -> None:
    at.kept.read(at.robot)
    at.kept.note_harm()
    for path in at.chance.sample(_segments(at), min(2, len(_segments(at)))):
        with path.open("r+b") as file:
            size = path.stat().st_size
            file.seek(at.chance.randrange(max(1, size)) // _PAGE * _PAGE)
            file.write(b"\xff" * min(_PAGE, size - file.tell()))
    at.kept.unread = at.robot.starts
    time.sleep(1.0)


def tail_torn(at: At) -> None:
    at.kept.read(at.robot)
    at.robot.end(signal.SIGKILL)
    at.kept.read(at.robot)
    at.kept.note_harm()
    newest = _segments(at)[-1]
    data = newest.read_bytes()
    newest.write_bytes(data[: max(0, len(data) - at.chance.randrange(1, 600))])
    at.robot.start()


def journal_deleted(at: At) -> None:
    at.kept.read(at.robot)
    at.robot.end(signal.SIGKILL)
    at.kept.read(at.robot)
    at.kept.note_harm()
    shutil.rmtree(at.robot.journal)
    at.robot.start()


def journal_deleted_while_it_runs(at: At) -> None:
    at.kept.read(at.robot)
    at.kept.note_harm()
    for path in _segments(at):
        path.unlink(missing_ok=True)
    at.kept.unread = at.robot.starts
    time.sleep(1.0)


def journal_rolled_back(at: At) -> None:
    """A copy of some seconds ago is put in."""
    at.robot.end(at.chance.choice((signal.SIGKILL, signal.SIGTERM)))
    copy = at.robot.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(at.robot.journal, copy)
    at.robot.start()
    time.sleep(at.chance.uniform(2.0, 6.0))
    at.kept.read(at.robot)
    at.robot.end(signal.SIGKILL)
    at.kept.read(at.robot)
    at.kept.note_harm()
    at.kept.forked = True
    shutil.rmtree(at.robot.journal)
    shutil.copytree(copy, at.robot.journal)
    at.robot.start()


class RobotFault(NamedTuple):
    """`may`: kinds of faults in the evidence that an honest robot may get by it."""

    act: Callable[[At], None]
    may: frozenset[str] = frozenset()
    weight: int = 2
    mounts: bool = False

    @property
    def name(self) -> str:
        return self.act.__name__.replace("_", " ")


ANOTHER = frozenset({"journal-lost", "copied", "rollback", "dropped"})
ROBOT_FAULTS = (
    RobotFault(agent_killed, weight=8),
    RobotFault(agent_killed_again_and_again),
    RobotFault(agent_restarted, weight=3),
    RobotFault(agent_stopped, weight=4),
    RobotFault(disk_full, frozenset({"dropped"}), mounts=True, weight=3),
    RobotFault(disk_full_for_good, frozenset({"dropped"}), mounts=True),
    RobotFault(pages_damaged, ANOTHER, weight=3),
    RobotFault(pages_damaged_while_it_runs, ANOTHER),
    RobotFault(tail_torn, ANOTHER),
    RobotFault(journal_deleted, ANOTHER),
    RobotFault(journal_deleted_while_it_runs, ANOTHER),
    RobotFault(journal_rolled_back, ANOTHER | {"fork", "two-signers", "broken-link", "gap"}, weight=1),
)
