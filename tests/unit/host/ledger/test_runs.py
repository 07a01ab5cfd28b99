"""Runs beyond a hole: held against plain sets of numbers, through every order of arrival, and through a migration."""

import random
import sqlite3

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Ledger, chain
from wachhund_evidence import spans_of, token_hash


def whole_of(held: set[int], stated: set[int]) -> int:
    """Where a chain is whole: each number is held or stated, and the last one is held."""
    reach = whole = 0
    while reach + 1 in held or reach + 1 in stated:
        reach += 1
        whole = reach if reach in held else whole
    return whole


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_in_whatever_batches_the_ledger_knows_what_is_whole_and_what_is_beyond(
    bench: HostBench, seed: int
) -> None:
    """Duplicates, holes, and gaps that are stated before or after what lies beyond them came."""
    dice = random.Random(seed)
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    gaps: dict[int, tuple[int, int]] = {}
    while robot.seq < 120:
        if dice.random() < 0.08:
            first = robot.seq + 1
            robot.skip(dice.choice([1, 3, 10]))
            robot.token(robot.saw("agent.gap", from_seq=first, to_seq=robot.seq))
            gaps[robot.seq] = (first, robot.seq - 1)
        else:
            robot.heartbeat()
    held: set[int] = set()
    stated: set[int] = set()
    left = list(robot.made)
    while left:
        batch = dice.sample(left, min(len(left), dice.choice([1, 1, 2, 10])))
        if dice.random() < 0.5:
            batch = left[: len(batch)]
        left = [seq for seq in left if seq not in batch]
        held |= set(batch)
        for seq in batch:
            first, last = gaps.get(seq, (1, 0))
            stated |= set(range(first, last + 1))
        again = dice.sample(sorted(held), min(len(held), 2))
        standing = bench.take(row, *(robot.made[seq] for seq in (*batch, *again)))[-1]
        whole = whole_of(held, stated)
        there = bench.ledger.held(row.id, robot.chain, (), 1000)
        assert (standing.seq, there.seq) == (whole, whole)
        assert there.head == standing.head == (token_hash(robot.made[whole]) if whole else there.head)
        assert list(there.runs) == spans_of(sorted(seq for seq in held if seq > whole))
        # Holes beyond any number: what is missing of all up to the last, and nobody stated.
        beyond = dice.randint(whole, 130)
        missing = set(range(beyond + 1, max(held) + 1)) - held - stated
        with bench.ledger._database.reading() as connection:
            found = chain.holes(connection, row.id, robot.chain, beyond, None)
        assert [(gap.from_seq, gap.to_seq) for gap in found] == spans_of(sorted(missing))


@pytest.mark.of_the_file
def test_a_ledger_from_before_knows_its_runs_after_the_step(bench: HostBench) -> None:
    """Its robots' first receipts say what it holds, and holes are closed as before."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    for _ in range(12):
        robot.heartbeat()
    bench.take(row, *(robot.made[seq] for seq in (1, 2, 4, 5, 6, 9, 12)))
    before = bench.ledger.held(row.id, robot.chain, (), 16)
    bench.ledger.close()
    with sqlite3.connect(bench.ledger.path) as file:
        file.execute("DROP TABLE runs")
        file.execute("DROP TABLE lost_by_host")
        file.execute("DELETE FROM migrations WHERE name = 'delivery'")
    file.close()
    bench.ledger = Ledger.open(bench.ledger.path)
    after = bench.ledger.held(row.id, robot.chain, (), 16)
    assert after == before and after.runs == ((4, 6), (9, 9), (12, 12))
