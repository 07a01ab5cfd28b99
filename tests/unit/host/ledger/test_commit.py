"""Evidence in the ledger: once, in any order, whole or known not to be, and never changed."""

import itertools
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import Ledger, LedgerError, Robot
from wachhund.ledger.opening import database_of
from wachhund_evidence import token_hash


def test_every_order_of_arrival_ends_in_the_same_ledger(bench: HostBench) -> None:
    """MQTT promises no order, and a backlog is sent beside what is new."""
    for order in itertools.permutations(range(1, 5)):
        robot = ScriptedRobot()
        row = bench.add(f"go1-{order}", robot)
        for _ in range(4):
            robot.heartbeat()
        standings = [bench.take(row, robot.made[seq])[0] for seq in order]
        assert (standings[-1].seq, standings[-1].head) == (4, token_hash(robot.made[4]))
        for there, standing in enumerate(standings):
            came = set(order[: there + 1])
            assert standing.seq == next(whole for whole in range(5) if whole + 1 not in came)
        stored = bench.ledger.observations_after(0, 100, robot=row.id)
        assert sorted(one.seq for one in stored) == [1, 2, 3, 4]


def test_a_duplicate_is_answered_and_stored_once(bench: HostBench) -> None:
    """Also twice in one batch: what was lost on the wire is the receipt, mostly."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    one = robot.heartbeat()
    assert [standing.became for standing in bench.take(row, one, one)] == ["new", "duplicate"]
    (again,) = bench.take(row, one)
    assert (again.became, again.seq, again.seen) == ("duplicate", 1, token_hash(one))
    assert len(bench.ledger.observations_after(0, 10)) == 1
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.tokens == 1


def test_a_replayed_token_is_no_sign_of_life(bench: HostBench) -> None:
    """Anybody who heard it can play it again."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.nonce = bench.nonce(robot, 999.0)
    one = robot.heartbeat()
    bench.take(row, one, t=1000.0)
    bench.take(row, one, t=1030.0)
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.fresh_t == 1000.0 and newest.received_t == 1000.0


def test_two_valid_tokens_for_one_number_are_a_fork_and_the_first_stays(bench: HostBench) -> None:
    """A copied key: both are kept, neither replaces the other, and the robot learns whose head the host holds."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    first = robot.heartbeat()
    robot.rewind(0)
    second = robot.token(robot.saw("heartbeat", cpu_s=2.0))
    assert bench.take(row, first)[0].became == "new"
    (forked,) = bench.take(row, second)
    assert (forked.became, forked.head, forked.seen) == ("fork", token_hash(first), token_hash(second))
    stored = bench.ledger.token(row.id, robot.chain, 1)
    assert stored is not None and stored.text == first and stored.forks == (token_hash(second),)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["fork"]


def test_a_stated_gap_counts_as_filled(bench: HostBench) -> None:
    """Else a journal whose numbers were skipped would never drain."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    one = robot.heartbeat()
    robot.skip(64)
    two = robot.token(robot.saw("agent.gap", from_seq=2, to_seq=65, lost=0, reason="numbers skipped"))
    three = robot.heartbeat()
    bench.take(row, three)
    bench.take(row, one)
    (standing,) = bench.take(row, two)
    assert standing.seq == 67
    (gap,) = bench.ledger.gaps(row.id)
    assert (gap.from_seq, gap.to_seq, gap.stated) == (2, 65, True)
    assert bench.ledger.faults(row.id) == [], "people pull the battery: that is no fault"


def test_thousands_of_numbers_stated_one_by_one_are_one_gap(bench: HostBench) -> None:
    """A full journal drops token by token, and says so token by token."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    one = robot.heartbeat()
    robot.skip(1500)
    told = [robot.saw("agent.gap", from_seq=n, to_seq=n, lost=2, reason="journal full") for n in range(2, 1502)]
    tokens = [robot.token(*told[start : start + 500]) for start in (0, 500, 1000)]
    assert bench.take(row, one, *tokens)[-1].seq == 1504
    (gap,) = bench.ledger.gaps(row.id)
    assert (gap.from_seq, gap.to_seq, gap.lost) == (2, 1501, 3000)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["dropped"]


@pytest.mark.parametrize(
    ("first", "last"), [(0, 3), (3, 2), (2, 10), (-5, 3), (True, 3), (2.0, 3), ("2", 3), (None, None), (2, 2**53)]
)
def test_a_gap_that_makes_no_sense_fills_nothing(bench: HostBench, first: object, last: object) -> None:
    """A robot may lie about its own past, not about numbers that are still to come."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    one = robot.heartbeat()
    robot.skip(3)
    two = robot.token(robot.saw("agent.gap", from_seq=first, to_seq=last))
    assert bench.take(row, one, two)[-1].seq == 1


def fresh(bench: HostBench, row: Robot, robot: ScriptedRobot, since: float, until: float) -> None:
    """Heartbeats under fresh nonces, without a pause."""
    for now in [*range(int(since), int(until), 50), until]:
        robot.nonce = bench.nonce(robot, now - 5)
        bench.take(row, robot.heartbeat(), t=now)


@pytest.mark.parametrize("silent_s", [61.0, 3600.0, 3e8])
def test_a_hole_has_ten_minutes_after_a_silence_to_be_filled(bench: HostBench, silent_s: float) -> None:
    """What was on its way when the network was cut, or the host's clock set, comes after the newest."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    fresh(bench, row, robot, 1000.0, 1010.0)
    robot.skip(2)
    fresh(bench, row, robot, 1020.0, 1500.0)
    again = 1500.0 + silent_s
    fresh(bench, row, robot, again, again + 590.0)
    assert bench.ledger.faults(row.id) == []
    fresh(bench, row, robot, again + 595.0, again + 601.0)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["gap"]


def test_a_hole_from_before_the_hosts_clock_was_set_back_becomes_overdue(bench: HostBench) -> None:
    """And not only when the clock has come that far again."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    fresh(bench, row, robot, 900_000.0, 900_010.0)
    robot.skip(2)
    fresh(bench, row, robot, 900_020.0, 900_030.0)
    fresh(bench, row, robot, 1000.0, 1590.0)
    assert bench.ledger.faults(row.id) == []
    fresh(bench, row, robot, 1595.0, 1601.0)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["gap"]


def test_a_hole_is_overdue_after_ten_minutes_of_fresh_evidence(bench: HostBench) -> None:
    """Not earlier: a slow network makes holes all the time."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat(), t=1000.0)
    robot.skip(2)
    bench.take(row, robot.heartbeat(), t=1010.0)
    (gap,) = bench.ledger.gaps(row.id)
    assert (gap.from_seq, gap.to_seq, gap.stated, gap.overdue, gap.since_t) == (2, 3, False, False, 1010.0)
    fresh(bench, row, robot, 1011.0, 1611.0)
    assert bench.ledger.gaps(row.id)[0].overdue
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["gap"]


def test_a_hole_of_which_something_still_comes_is_not_overdue(bench: HostBench) -> None:
    """A month's backlog takes hours, oldest first, while fresh evidence comes; and then the robot stops."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat(), t=1000.0)
    for _ in range(10):
        robot.heartbeat()
    bench.take(row, robot.heartbeat(), t=1010.0)
    for number in range(2, 8):
        now = 1000.0 + number * 500.0
        fresh(bench, row, robot, now - 490.0, now - 1.0)
        bench.take(row, robot.made[number], t=now)
        assert not any(gap.overdue for gap in bench.ledger.gaps(row.id))
    fresh(bench, row, robot, 4510.0, 5200.0)
    assert [(gap.from_seq, gap.to_seq) for gap in bench.ledger.gaps(row.id) if gap.overdue] == [(8, 11)]


def test_a_hole_that_the_robot_says_it_holds_back_is_overdue_only_when_it_stops_saying_so(bench: HostBench) -> None:
    """A modem's bytes are used up: that is no broken robot, and no excuse for what it does not name."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat(), t=1000.0)
    robot.skip(2)
    held = robot.token(robot.saw("heartbeat", held_back_tokens=2, held_back_from=2))
    bench.take(row, held, t=1010.0)
    for now in range(1011, 1612, 50):
        robot.nonce = bench.nonce(robot, now - 5.0)
        bench.take(row, robot.token(robot.saw("heartbeat", held_back_tokens=2, held_back_from=2)), t=float(now))
    (gap,) = bench.ledger.gaps(row.id)
    assert (gap.from_seq, gap.to_seq, gap.overdue) == (2, 3, False)
    assert bench.ledger.faults(row.id) == []
    for told in (3, None, True, "2"):
        bench.take(row, robot.token(robot.saw("heartbeat", held_back_from=told)), t=1612.0)
        assert [fault.what for fault in bench.ledger.faults(row.id)] == ["gap"]


def test_a_new_chain_is_a_fault_and_the_first_one_is_not(bench: HostBench) -> None:
    """A journal that was lost, rolled back or copied is for a person to look at."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat())
    assert bench.ledger.faults(row.id) == []
    robot.new_chain()
    bench.take(row, robot.heartbeat(), t=1_000_100.0)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["journal-lost"]
    assert bench.ledger.chain_line(row.id)[0].chain == robot.chain


@pytest.mark.parametrize("table", ["tokens", "observations", "forks"])
@pytest.mark.parametrize("act", ["DELETE FROM {}", "UPDATE {} SET robot = 'x'"])
def test_evidence_cannot_be_changed_or_deleted(bench: HostBench, table: str, act: str) -> None:
    """By a program that goes around our code, too; by nobody who does not first change the database's own rules."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    first = robot.heartbeat()
    robot.rewind(0)
    bench.take(row, first, robot.token())
    database = database_of(bench.ledger.path)
    with pytest.raises(LedgerError, match="append-only"), database.writing() as connection:
        connection.execute(text(act.format(table)))
    database.close()


@pytest.mark.of_the_file
def test_a_token_cannot_be_replaced_by_way_of_a_conflict(bench: HostBench) -> None:
    """INSERT OR REPLACE deletes a row without a DELETE."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat())
    database = database_of(bench.ledger.path)
    with pytest.raises(LedgerError, match="append-only"), database.writing() as connection:
        connection.execute(text("INSERT OR REPLACE INTO tokens SELECT * FROM tokens"))
    database.close()


def test_observations_are_read_in_the_order_of_their_commit(bench: HostBench) -> None:
    """The judge reads on from a cursor: what it skipped once it would never see."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    for _ in range(3):
        robot.token(robot.saw("heartbeat"), robot.saw("coverage", sensors={}))
    bench.take(row, robot.made[3])
    bench.take(row, robot.made[1], robot.made[2])
    first = bench.ledger.observations_after(0, 3)
    rest = bench.ledger.observations_after(first[-1].id, 100)
    assert [(one.seq, one.item) for one in (*first, *rest)] == [(3, 0), (3, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert [one.observation.kind for one in bench.ledger.observations_after(0, 9, kinds=["coverage"])] == [
        "coverage"
    ] * 3
    assert bench.ledger.newest_observations(row.id, 1)[0].id == rest[-1].id


def test_a_robots_lie_about_its_clock_moves_nothing_into_the_future(bench: HostBench) -> None:
    """Host time of an observation comes from the host's clock; the robot only says how long before."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    honest = robot.saw("heartbeat")
    ahead = type(honest)("heartbeat", 9e15, robot.mono + 1e9, "scripted", {})
    behind = type(honest)("heartbeat", -9e15, -1e300, "scripted", {})
    bench.take(row, robot.token(ahead, behind), t=5000.0)
    assert [one.host_t for one in bench.ledger.observations_after(0, 9)] == [5000.0, 0.0]


def test_what_a_robot_says_is_stored_as_it_was_said(bench: HostBench) -> None:
    """Quotes, tags, wildcards and odd characters are text to the ledger, and come back as they were."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    odd = "'; DROP TABLE tokens; -- <script> %_ \x1b[2J \u202e \ud83d\ude00".encode("utf-16", "surrogatepass").decode(
        "utf-16"
    )
    start = robot.saw("process.start", puid="1-1", exe=odd, argv=[odd], unknown={"deep": [1, None, True]})
    bench.take(row, robot.token(start))
    (stored,) = bench.ledger.observations_after(0, 9)
    assert stored.observation == start


def test_the_bell_rings_for_news_and_not_for_duplicates(bench: HostBench) -> None:
    """Who waits for news is not woken by what anybody can play again."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    seen = bench.ledger.changes.rings
    one = robot.heartbeat()
    bench.take(row, one)
    assert bench.ledger.changes.wait(seen, 0.0) == seen + 1
    bench.take(row, one)
    assert bench.ledger.changes.rings == seen + 1


def test_a_ledger_opened_again_holds_what_it_held(bench: HostBench, tmp_path: Path) -> None:
    """And its migrations run once."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat())
    again = Ledger.open(bench.ledger.path)
    assert len(again.observations_after(0, 9)) == 1
    assert [one.id for one in again.robots()] == [row.id]
    again.close()
