"""Links that do not hold: what an offline verifier finds broken, the host has told when it committed it."""

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot, random_text
from tests.robots.three_days import DAY, T, ThreeDays
from wachhund.audit.verifying import verify_ledger
from wachhund.ledger import Fault, Robot
from wachhund.ledger.opening import reading_only
from wachhund_evidence import token_hash


def told(bench: HostBench, row: Robot) -> list[Fault]:
    return [fault for fault in bench.ledger.faults(row.id) if fault.what == "broken-link"]


def verifiers(bench: HostBench) -> list[str]:
    with reading_only(bench.ledger.path) as connection:
        (proven,) = verify_ledger(connection, {})
    return proven.faults


def slipped_in(robot: ScriptedRobot) -> list[str]:
    """Three tokens, of which the second is of somebody who does not know the robot's first."""
    first = robot.heartbeat()
    second = robot.token(robot.saw("heartbeat"), prev=random_text(32))
    return [first, second, robot.heartbeat()]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_token_that_names_another_before_it_is_told_in_whatever_order_both_come(
    bench: HostBench, row: Robot, robot: ScriptedRobot, order: tuple[int, ...], at_once: bool
) -> None:
    """Else a live host shows whole what everybody finds not proven who checks it afterwards."""
    made = slipped_in(robot)
    came = [made[number] for number in order]
    for batch in [came] if at_once else [[one] for one in came]:
        bench.take(row, *batch, t=T)
    (fault,) = told(bench, row)
    assert (
        fault.detail == f"Number 2 of chain {robot.chain[:8]} names another token before it than the one that is here."
    )
    assert [(seen.seq, seen.hash) for seen in fault.tokens] == [(1, token_hash(made[0])), (2, token_hash(made[1]))]
    assert verifiers(bench) == [f"chain {robot.chain} number 2: does not follow the one before"]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_links_that_hold_and_numbers_that_were_left_out_are_no_fault_in_whatever_order_they_come(
    bench: HostBench, row: Robot, robot: ScriptedRobot, order: tuple[int, ...]
) -> None:
    """Tokens overtake each other, come twice, and a power cut leaves numbers out: nobody is accused of that."""
    made = [robot.heartbeat(), robot.heartbeat()]
    robot.skip(64)
    made += [robot.heartbeat(), robot.heartbeat()]
    for number in (*order, *order):
        bench.take(row, made[number], t=T)
    assert told(bench, row) == [] and verifiers(bench) == []


def test_a_token_that_follows_the_rival_of_the_one_before_is_part_of_the_fork(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """A memory that was put back signs a number twice, and goes on from the second: that is one thing, told once."""
    bench.take(row, robot.heartbeat(), robot.heartbeat(), t=T)
    robot.rewind(1)
    bench.take(row, robot.token(robot.saw("heartbeat", cpu_s=9.0)), robot.heartbeat(), t=T + 1)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["fork"]
    assert verifiers(bench) == [f"chain {robot.chain} number 3: does not follow the one before"]


def test_a_rival_that_never_comes_leaves_a_broken_link(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """The fork itself need not be seen: what follows it gives it away."""
    bench.take(row, robot.heartbeat(), robot.heartbeat(), t=T)
    robot.rewind(1)
    robot.token(robot.saw("heartbeat", cpu_s=9.0))
    bench.take(row, robot.heartbeat(), t=T + 1)
    (fault,) = told(bench, row)
    assert fault.since_t == T + 1 and fault.kind.story == "key"


def test_what_goes_on_is_one_fault_and_a_new_one_after_it_was_acknowledged(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """A chain of nothing but broken links must not fill the page, nor be silenced by one word."""
    for number in range(5):
        bench.take(row, robot.token(robot.saw("heartbeat"), prev=random_text(32)), t=T + number)
    (first,) = told(bench, row)
    bench.ledger.integrity.acknowledge(row.id, "alice", "looked into")
    assert told(bench, row) == []
    bench.take(row, robot.token(robot.saw("heartbeat"), prev=random_text(32)), t=T + 9)
    (second,) = told(bench, row)
    assert second.id != first.id


@pytest.mark.parametrize("prev", [None, random_text(32)], ids=["named", "unknown"])
def test_the_link_to_an_erased_token_counts_as_well(bench: HostBench, prev: str | None) -> None:
    """Its hash stays so that what is left still proves."""
    days = ThreeDays(bench)
    days.erase_span(T, T + 4 * DAY)
    assert days.held() == set()
    claims = {} if prev is None else {"prev": prev}
    bench.take(days.row, days.robot.token(days.robot.saw("heartbeat"), **claims), t=T + 5 * DAY)
    assert len(told(bench, days.row)) == len(verifiers(bench)) == (prev is not None)


@pytest.mark.parametrize("is_the_robots", [True, False])
def test_what_an_erased_token_named_counts_as_well(bench: HostBench, is_the_robots: bool) -> None:
    """What comes late, before others that are erased by now, is what the first of them named, or is not."""
    days = ThreeDays(bench, days=0)
    first = days.robot.heartbeat()
    days.tell(T, 3)
    days.erase_span(T - DAY, T + DAY)
    assert days.held() == set()
    days.robot.rewind(0)
    other = days.robot.token(days.robot.saw("heartbeat", cpu_s=9.0))
    bench.take(days.row, first if is_the_robots else other, t=T + 2 * DAY)
    assert len(told(bench, days.row)) == len(verifiers(bench)) == (not is_the_robots)
