"""A life: one robot and one host, and fault after fault. The same seed and number give the same life."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.inner.faults import BY_NAME, FAULTS, FaultOf
from tests.faults.inner.invariants import Seen, check, check_offline
from tests.faults.inner.world import Violation, World

ROUNDS = 40  # of a life
_SECOND_AT_ONCE = 0.3  # how often another fault comes before the robot has recovered from the first
_OVERDUE_S = 900.0
_REACHES_S = 350.0  # so long the robot's journal, which is small here, holds what nobody takes


class Round(NamedTuple):
    """What one fault (or several together) led to. `green_s`: seconds until the robot was believed again."""

    faults: tuple[str, ...]
    green_s: float
    answered: tuple[str, ...]


def draw(chance: random.Random) -> FaultOf:
    return chance.choices(FAULTS, [fault.weight for fault in FAULTS])[0]


def life(folder: Path, seed: int, number: int, rounds: int = ROUNDS, only: str | None = None) -> Iterator[Round]:
    """The rounds of a life, one by one. Raises Violation, with the round in its text."""
    chance = random.Random(f"{seed}/{number}")
    world = World(folder, random.Random(f"{seed}/{number}/world"))
    seen, restored = Seen(), 0
    world.run(15.0)
    for turn in range(rounds):
        world.run(chance.choice((1.0, 5.0, 20.0)))
        drawn = [draw(chance) if only is None else BY_NAME[only]]
        while chance.random() < _SECOND_AT_ONCE:
            drawn.append(draw(chance))
        may = frozenset().union(*(fault.may for fault in drawn))
        names = tuple(fault.name for fault in drawn)
        with _told(f"seed {seed}, life {number}, round {turn}, {' + '.join(names)}"):
            began = world.t
            for fault in drawn:
                fault.act(world)
                if fault is not drawn[-1]:
                    world.run(chance.choice((0.5, 3.0)))
            if world.t - began > _REACHES_S:  # one that is away for long, or several in a row
                may |= {"dropped"}
            if world.restored != restored:
                seen, restored = Seen(), world.restored
            green_s, answered = recovery(world, seen, may)
        yield Round(names, green_s, tuple(sorted(set(answered))))
    with _told(f"seed {seed}, life {number}, at its end"):
        _end(world, seen)
    world.host.stop()


def recovery(world: World, seen: Seen, may: frozenset[str]) -> tuple[float, list[str]]:
    """Until the robot is believed again and has nothing left to tell; then all has to hold.

    `may`: kinds of faults that what happened may have left in its evidence. Returns seconds until it was believed, and
    the kinds that it left. Raises Violation.
    """
    green_s, answered = world.until_green(may)
    answered += world.until_whole(may)
    if "dropped" in may:
        world.excused.gone.update(world.robot.gone)
    if "journal-lost" in may:
        world.excused.begun.update(world.robot.begun)
    world.robot.begun.clear()
    check(world, seen)
    world.excused.anything = False
    return green_s, answered


def _end(world: World, seen: Seen) -> None:
    """What is missing is stated, or has become a gap that nobody overlooks; and all that is there is proven."""
    world.run(_OVERDUE_S, dt=5.0)
    world.answer_faults()
    assert world.host.row is not None
    silent = [gap for gap in world.host.ledger.gaps(world.host.row.id) if not gap.stated and not gap.overdue]
    if silent:
        raise Violation(f"a hole that is neither stated nor overdue: {silent[:3]}")
    check(world, seen)
    check_offline(world)


@contextlib.contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except Violation as violation:
        raise Violation(f"{where}: {violation}") from violation
    except Exception as error:
        raise Violation(f"{where}: {type(error).__name__}: {error}") from error
