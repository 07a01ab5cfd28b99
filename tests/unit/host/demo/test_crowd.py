"""Simulated robots say what real ones say, and a real host takes it."""

import pytest

from wachhund.demo.simulated_robot import CALM, Part, SimulatedRobot, part_of
from wachhund_evidence import read_evidence, thumbprint


def read_all(robot: SimulatedRobot, count: int) -> list[list[str]]:
    keys = {thumbprint(robot.key.public_key()): robot.key.public_key()}
    made = [read_evidence(robot.next_token(), keys, robot.ueid) for _ in range(count)]
    assert [claims.seq for claims in made] == list(range(1, count + 1))
    assert len({claims.chain for claims in made}) == 1
    return [[observation.kind for observation in claims.obs] for claims in made]


def test_its_tokens_are_signed_and_chained_and_begin_with_what_it_sees() -> None:
    """Real evidence: the host makes no exception for a demo."""
    said = read_all(SimulatedRobot("n" * 22, CALM, 1), 8)
    assert said[0] == ["agent.start", "coverage"] and all(len(kinds) == 1 for kinds in said[1:])


def test_one_that_falls_silent_has_said_what_its_part_holds() -> None:
    """So that a fleet has something to find."""
    robot = SimulatedRobot("n" * 22, Part(quiet_after=2), 1)
    read_all(robot, 2)
    assert robot.is_quiet


@pytest.mark.parametrize("count", [50, 500])
def test_of_fifty_robots_five_are_not_calm(count: int) -> None:
    """Few enough that calm is the rule, enough that each filter finds somebody."""
    assert sum(part_of(number) != CALM for number in range(count)) == count // 10
