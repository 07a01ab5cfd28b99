"""Lanes: who holds which, and that nobody writes in one that another has taken."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots import ledger_place
from tests.robots.host_bench import HostBench, bench_on
from tests.robots.ledger_place import beside
from tests.robots.scripted import ScriptedRobot
from tests.robots.three_days import DAY, T, ThreeDays
from tests.robots.throw_away_postgres import PROGRAMS
from tests.waiting import until
from wachhund.fleet.registration import new_robot
from wachhund.intake.links import Links
from wachhund.intake.taking import Intake
from wachhund.ledger import LaneLost, Ledger, LedgerError, Link, Robot, VerifiedToken, links
from wachhund.ledger.fault_kinds import WITNESS_MISSING
from wachhund.ledger.fleet_look import changed_since, newest_change
from wachhund.ledger.lanes import DESK, LEASE_S, Lane, LaneBook, lane_of
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.witness_records import Stand, Witness
from wachhund_evidence import MisuseError

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

COUNT = 4


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    made = bench_on(ledger_place.server(), tmp_path / "data")
    made.ledger.lanes.make(COUNT)
    yield made
    made.close()


def in_lane(bench: HostBench, lane: int) -> tuple[ScriptedRobot, Robot]:
    """A registered robot whose id falls into that lane."""
    while True:
        robot = ScriptedRobot()
        row, _ = new_robot(f"r{lane}-{robot.chain[:6]}", robot.public_pem, bench.keys)
        if lane_of(row.id, COUNT) == lane:
            bench.ledger.add_robot(row)
            bench.roster.refresh()
            return robot, bench.ledger.robot(row.id)


def later(book: LaneBook, other: LaneBook) -> None:
    """Beat a book until it has taken what another let go of by being silent."""
    until(lambda: len([one for one in book.beat() if one.number != DESK]) == COUNT, LEASE_S + 5, "the lanes are taken")
    assert not other.held


def test_each_robot_is_in_the_lane_that_its_id_says_whenever_it_came(tmp_path: Path) -> None:
    with closing(bench_on(ledger_place.server(), tmp_path / "data")) as bench:
        before = [bench.add(f"before-{number}", ScriptedRobot()) for number in range(20)]
        bench.ledger.lanes.make(COUNT)
        after = [bench.add(f"after-{number}", ScriptedRobot()) for number in range(20)]
        lanes = {robot.id: robot.lane for robot in bench.ledger.robots()}
        assert lanes == {robot.id: lane_of(robot.id, COUNT) for robot in (*before, *after)}
        assert set(lanes.values()) == set(range(COUNT))


def test_the_number_of_lanes_is_for_good_and_a_file_has_none(bench: HostBench, tmp_path: Path) -> None:
    bench.ledger.lanes.make(COUNT)
    with pytest.raises(MisuseError, match="has 4 lanes, and that cannot be changed"):
        bench.ledger.lanes.make(COUNT + 1)
    for wrong in (0, 129):
        with pytest.raises(MisuseError, match="give 1 to 128"):
            bench.ledger.lanes.make(wrong)
    with closing(Ledger.open(tmp_path / "ledger.sqlite")) as file:
        with pytest.raises(LedgerError, match="a file is for one machine"):
            file.lanes.make(2)
        assert file.lanes.count() == 0 and file.lanes.standing() == []


def test_workers_share_lanes_fairly_and_one_of_them_has_the_desk(bench: HostBench) -> None:
    first, second = bench.ledger.book("first"), bench.ledger.book("second")
    assert {lane.number for lane in first.beat()} == {DESK, *range(COUNT)}
    assert second.beat() == frozenset()
    first.beat()
    assert first.surplus == {2, 3} and set(first.held) == {DESK, *range(COUNT)}  # until nothing is at work in them
    first.give_back(first.surplus)
    assert {lane.number for lane in second.beat()} == {2, 3} and first.surplus == frozenset()
    assert set(first.held) == {DESK, 0, 1}
    owners = {one.number: one.owner for one in bench.ledger.lanes.standing()}
    assert owners == {DESK: "first", 0: "first", 1: "first", 2: "second", 3: "second"}
    first.leave()
    assert {lane.number for lane in second.beat()} == {DESK, *range(COUNT)}


def test_who_is_silent_for_a_lease_has_lost_his_lanes_and_knows_it(bench: HostBench) -> None:
    """By its own clock, whatever became of the server meanwhile."""
    now = 100.0
    silent = LaneBook(bench.ledger._database, "silent", lambda: now)
    silent.beat()
    assert len(silent.held) == COUNT + 1
    now += LEASE_S
    assert silent.held == {}
    assert all(one.free_s == 0 for one in bench.ledger.lanes.standing())  # by the server's clock it has some time yet
    later(bench.ledger.book("next"), silent)


def test_a_lease_from_before_the_servers_clock_was_set_back_holds_nothing(bench: HostBench) -> None:
    """A worker that died then would keep its lanes, and its place among those that share, for as long as that was."""
    bench.ledger.book("dead").beat()
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE lanes SET until_t = until_t + 3600")
        database.exec_driver_sql("UPDATE workers SET seen_t = seen_t + 3600")
    assert {(one.owner, one.free_s > 3_000) for one in bench.ledger.lanes.standing()} == {("", True)}
    now = 100.0
    following = LaneBook(bench.ledger._database, "next", lambda: now)
    assert following.beat() == frozenset(), "who comes alone waits for who may come back"
    for _ in range(2):
        assert following.beat() == frozenset()
        now += LEASE_S / 2
    assert {lane.number for lane in following.beat()} == {DESK, *range(COUNT)}
    assert {(one.owner, one.free_s) for one in bench.ledger.lanes.standing()} == {("next", 0.0)}


def test_a_clock_that_is_set_right_by_a_moment_takes_no_lane_from_who_is_there(bench: HostBench) -> None:
    """Or each small step of it would have all lanes change hands."""
    bench.ledger.book("there").beat()
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE lanes SET until_t = until_t + 0.5")
        database.exec_driver_sql("UPDATE workers SET seen_t = seen_t + 0.5")
    assert bench.ledger.book("other").beat() == frozenset()
    assert {one.owner for one in bench.ledger.lanes.standing()} == {"there"}


def test_workers_that_come_back_together_do_not_wait_for_each_other(bench: HostBench) -> None:
    """A minute without the database, and each finds the others' rows old: who deletes one that is just being renewed
    waits for its worker, and that one for him."""
    for name in ("one", "other", "gone"):
        bench.ledger.book(name).beat()
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE workers SET seen_t = seen_t - 100")
    with beside(bench.data.ledger) as renewing:
        renewing.exec_driver_sql("UPDATE workers SET seen_t = seen_t + 100 WHERE id = 'other'")
        began = time.monotonic()
        bench.ledger.book("one").beat()
        assert time.monotonic() - began < 5
    with beside(bench.data.ledger) as database:
        left = database.exec_driver_sql("SELECT id FROM workers").scalars().all()
    assert sorted(left) == ["one", "other"], "who is gone is forgotten all the same"


@pytest.mark.parametrize("forgotten", [False, True], ids=["seconds", "minutes"])
def test_who_comes_back_first_after_the_ledger_was_away_leaves_the_others_theirs(
    bench: HostBench, forgotten: bool
) -> None:
    """By its clock all are gone, and he alone is there. After a lease he takes what nobody came back for."""
    now = 100.0
    first, second, third = (LaneBook(bench.ledger._database, name, lambda: now) for name in ("1", "2", "3"))
    first.beat(), second.beat(), third.beat(), first.beat()
    first.give_back(first.surplus)
    assert len(second.beat()) == 2
    second_has = set(second.held)
    assert {number for book in (first, second) for number in book.held} == {DESK, *range(COUNT)}
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE lanes SET until_t = until_t - 100")
        database.exec_driver_sql("UPDATE workers SET seen_t = seen_t - 50")
        if forgotten:
            database.exec_driver_sql("DELETE FROM workers")
    now += 100
    assert {lane.number for lane in first.beat()} == {DESK, *range(COUNT)} - second_has
    assert third.beat() == frozenset()
    assert {lane.number for lane in second.beat()} == second_has
    assert first.surplus == second.surplus == third.surplus == frozenset()
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE lanes SET until_t = until_t - 100 WHERE owner = '2'")
        database.exec_driver_sql("DELETE FROM workers WHERE id = '2'")
    now += LEASE_S - 1.5
    assert first.beat() and third.beat() == frozenset()
    now += 1.5
    assert {lane.number for lane in third.beat()} == second_has


def test_who_comes_anew_when_all_others_are_away_waits_a_lease_for_them(bench: HostBench) -> None:
    """He was started while the ledger was away, and is the first to reach it."""
    now, names = 100.0, ("1", "new", "other")
    there, new, other = (LaneBook(bench.ledger._database, name, lambda: now) for name in names)
    assert len(there.beat()) == COUNT + 1
    with beside(bench.data.ledger) as database:
        database.exec_driver_sql("UPDATE lanes SET until_t = until_t - 100")
        database.exec_driver_sql("UPDATE workers SET seen_t = seen_t - 50")
    assert new.beat() == other.beat() == frozenset()
    now += LEASE_S - 1
    assert new.beat() == other.beat() == frozenset()
    now += 1
    assert {lane.number for book in (new, other) for lane in book.beat()} == {DESK, *range(COUNT)}


def test_who_is_leaving_keeps_what_he_has_and_takes_nothing(bench: HostBench) -> None:
    """And all of it is free when he has left."""
    book = bench.ledger.book("leaving")
    assert book.beat(is_leaving=True) == frozenset()
    assert len(book.beat()) == COUNT + 1
    book.give_back([0])
    assert {lane.number for lane in book.beat(is_leaving=True)} == {DESK, 1, 2, 3}
    following = bench.ledger.book("following")
    assert {lane.number for lane in following.beat()} == {0}, "and he is no worker any more, whose share is kept"
    book.give_back([2])
    assert {lane.number for lane in following.beat()} == {0, 2}
    book.leave()
    following.leave()
    assert book.held == {} and {one.owner for one in bench.ledger.lanes.standing()} == {""}


def test_what_a_lost_lanes_worker_still_writes_is_refused_as_a_whole(bench: HostBench) -> None:
    """It stood still for a minute, and believes that it holds what another does."""
    robot, row = in_lane(bench, 1)
    old = {lane.number: lane.epoch for lane in bench.ledger.book("old").beat()}
    stale = bench.ledger.on_lanes(lambda: old)
    token = bench.verified(row, robot.heartbeat())
    stale.commit([token])
    later(bench.ledger.book("new"), LaneBook(bench.ledger._database, "old"))
    with pytest.raises(LaneLost, match="another worker has taken it over"):
        stale.commit([bench.verified(row, robot.heartbeat())])
    with pytest.raises(LaneLost):
        bench.ledger.of_lane(Lane(1, old[1])).save_judgement(5, [], [])
    assert bench.ledger.held(row.id, robot.chain, (), 9).seq == 1
    assert bench.ledger.of_lane(Lane(1, old[1])).judge_cursor() == 0


def test_a_lane_is_not_taken_while_a_transaction_is_at_work_in_it(bench: HostBench) -> None:
    """Else both would write, each believing to be alone."""
    held = {lane.number: lane.epoch for lane in bench.ledger.book("slow").beat()}
    at_work = bench.ledger.on_lanes(lambda: {2: held[2]})
    with at_work._database.writing():
        other = bench.ledger.book("other")
        until(lambda: len(other.beat()) == COUNT, LEASE_S + 3, "the lanes are taken")
        assert 2 not in other.held
    assert 2 in {lane.number for lane in other.beat()}


@pytest.mark.parametrize("number", [DESK, 2])
def test_the_server_cuts_off_a_worker_that_hangs_in_the_middle_of_a_transaction(bench: HostBench, number: int) -> None:
    """Of a lane it keeps one lane from the others; at the desk it keeps the whole fleet."""
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    with bench.ledger.on_lanes(lambda: {number: held[number]})._database.writing() as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "10s"


def test_a_robot_of_another_lane_gets_nothing_in(bench: HostBench) -> None:
    robot, row = in_lane(bench, 3)
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    with pytest.raises(LaneLost, match="in a lane that this worker does not hold"):
        bench.ledger.on_lanes(lambda: {0: held[0]}).commit([bench.verified(row, robot.heartbeat())])
    assert bench.ledger.last_observation() == 0


def test_what_came_of_a_lost_lane_keeps_nothing_of_the_others_out(bench: HostBench) -> None:
    """It waited with theirs when the lane went; whoever has that lane gets it."""
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    robots = [in_lane(bench, lane) for lane in (0, 1, 2)]
    intake = Intake(bench.ledger.on_lanes(lambda: {0: held[0], 2: held[2]}), bench.roster, bench.keys)
    tokens = [bench.verified(row, robot.heartbeat()) for _ in range(2) for robot, row in robots]
    taken = {standing.robot for standing in intake.commit(tokens)}
    assert taken == {robots[0][1].id, robots[2][1].id}
    assert (intake.fault, intake.lost) == (None, {robots[1][1].id})
    assert [len(bench.ledger.observations_after(0, 9, row.id)) for _, row in robots] == [2, 0, 2]
    intake.commit([bench.verified(robots[0][1], robots[0][0].heartbeat())])
    assert (intake.fault, intake.lost) == (None, frozenset())


Write = Callable[[Ledger, HostBench, ScriptedRobot, Robot], object]
WITNESS_SAID = Stand(
    1, 1, "h", 0, 1.0, None, "c", 1, "b", 1.0, 0.0, "chip", "power", True, {}, None, None, 0, 0, 0, 0, 0, 1, 1.0, 0
)  # fmt: skip


def _signed(bench: HostBench, robot: ScriptedRobot, row: Robot) -> VerifiedToken:
    return bench.verified(row, robot.heartbeat())


def _found(row: Robot) -> Noticed:
    return Noticed(row.id, WITNESS_MISSING, "c", 1.0, "mark", None, None, (), {"seconds": 9})


WRITES: dict[str, Write] = {
    "links": lambda own, bench, robot, row: own.note_links([Link(row.id, True, 1.0)]),
    "gone": lambda own, bench, robot, row: own.integrity.note_gone(row.id, 1_000_001.0),
    "ended keys": lambda own, bench, robot, row: own.integrity.note_ended_keys(
        [(_signed(bench, robot, row), "k", 1.0)]
    ),
    "stands": lambda own, bench, robot, row: own.witnesses.keep(
        Witness("kid", row.id, "ueid", "board", 1.0, "anna"), WITNESS_SAID, []
    ),
    "findings": lambda own, bench, robot, row: own.witnesses.note([_found(row)]),
}


@pytest.mark.parametrize("name", WRITES)
def test_all_that_an_intake_writes_of_a_robot_is_refused_without_its_lane(bench: HostBench, name: str) -> None:
    """A worker that wakes up without its lease would write an older word over a newer one, and a fault whose number
    the lane's judge has passed."""
    robot, row = in_lane(bench, 3)
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    its_own = bench.ledger.on_lanes(lambda: {3: held[3]})
    its_own.commit([_signed(bench, robot, row)])

    def kept() -> tuple[object, ...]:
        faults = bench.ledger.unread((0, 0, 0), 9).faults
        return [fault.what for fault in faults], bench.ledger.link(row.id), bench.ledger.witnesses.stand("kid")

    with pytest.raises(LaneLost, match="in a lane that this worker does not hold") as lost:
        WRITES[name](bench.ledger.on_lanes(lambda: {0: held[0]}), bench, robot, row)
    assert lost.value.robots == {row.id}
    with pytest.raises(LaneLost, match="holds no lane now") as lost:
        WRITES[name](bench.ledger.on_lanes(dict), bench, robot, row)
    assert not lost.value.robots
    assert kept() == ([], None, None)
    WRITES[name](its_own, bench, robot, row)
    assert kept() != ([], None, None)


def test_words_of_robots_whose_lane_is_lost_are_left_and_those_of_others_kept(bench: HostBench) -> None:
    """Not settled, they come again to who holds that lane by then."""
    (_, mine), (_, lost), (_, gone) = in_lane(bench, 0), in_lane(bench, 1), in_lane(bench, 1)
    epochs = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    held: dict[int, int] = {}
    links, settled = Links(bench.ledger.on_lanes(lambda: held)), list[str]()
    links.note(mine.id, b"online", 1.0, lambda: settled.append("mine"))
    links.note(lost.id, b"online", 1.0, lambda: settled.append("lost"))
    links.store(100.0)
    assert settled == [], "without any lane nobody knows yet whose they are"
    held[0] = epochs[0]
    links.note(gone.id, b"offline", 1.0, lambda: settled.append("gone"))
    for _ in range(3):
        links.store(100.0)
    held[1] = epochs[1]
    links.store(100.0)
    assert settled == ["mine"]
    assert [bench.ledger.link(one.id) for one in (mine, lost, gone)] == [Link(mine.id, True, 1.0), None, None]


def test_that_a_robot_is_gone_is_left_to_who_has_its_lane_by_then(bench: HostBench) -> None:
    """It was said while this worker had the lane, and would be told seconds after it let go."""
    (robot, mine), (other, lost) = in_lane(bench, 0), in_lane(bench, 1)
    epochs = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    held = dict(epochs)
    own = bench.ledger.on_lanes(lambda: {number: held[number] for number in held if number != DESK})
    own.commit([_signed(bench, robot, mine), _signed(bench, other, lost)])
    links, settled = Links(own), list[str]()
    for row in (lost, mine):
        links.note(row.id, b"offline", 1_000_001.0, lambda name=row.id: settled.append(name))  # type: ignore[misc]
    links.store(1_000_001.0)
    del held[1]
    for _ in range(2):
        links.store(1_000_100.0)
    assert [fault.robot for fault in bench.ledger.unread((0, 0, 0), 9).faults] == [mine.id]
    assert settled == [mine.id]


def test_commits_of_several_lanes_run_side_by_side_and_numbers_grow_within_each(bench: HostBench) -> None:
    """Judges read on from a number: in their lane nothing may come behind what they have read."""
    robots = [in_lane(bench, lane) for lane in range(COUNT)]
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    seen: dict[int, list[int]] = {lane: [] for lane in range(COUNT)}
    failures: list[BaseException] = []

    def work(lane: int) -> None:
        robot, row = robots[lane]
        try:
            own = bench.ledger.of_lane(Lane(lane, held[lane]))
            intake = Intake(own, bench.roster, bench.keys)
            for _ in range(20):
                intake.commit([bench.verified(row, robot.heartbeat())])
                seen[lane] += [one.id for one in own.observations_after(max(seen[lane], default=0), 100)]
        except BaseException as error:  # noqa: BLE001  told by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    numbers = [number for own in seen.values() for number in own]
    assert len(numbers) == len(set(numbers)) == 20 * COUNT == len(bench.ledger.observations_after(0, 1000))


def test_people_and_workers_wait_for_each_other(bench: HostBench) -> None:
    """What an operator says stands behind all evidence that was there, and before all that comes."""
    _, row = in_lane(bench, 0)
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    began = threading.Event()

    def say() -> None:
        began.set()
        bench.ledger.note_act(row.id, "export", "anna", "test")

    person = threading.Thread(target=say)
    with bench.ledger.on_lanes(lambda: held)._database.writing():
        person.start()
        began.wait(5)
        person.join(0.3)
        assert person.is_alive() and [act.act for act in bench.ledger.robot_acts(row.id)] == ["add"]
    person.join(10)
    assert [act.act for act in bench.ledger.robot_acts(row.id)] == ["add", "export"]


def test_each_judge_reads_its_own_lane_and_goes_on_where_the_judge_of_all_was(tmp_path: Path) -> None:
    with closing(bench_on(ledger_place.server(), tmp_path / "data")) as bench:
        robots = [(robot := ScriptedRobot(), bench.add(f"r{number}", robot)) for number in range(12)]
        for robot, row in robots:
            bench.take(row, robot.heartbeat())
        bench.ledger.save_judgement(7, [], [], 0, 0, 0)
        bench.ledger.lanes.make(COUNT)
        book = bench.ledger.book("worker")
        read: list[str] = []
        for lane in sorted(book.beat(), key=lambda one: one.number):
            if lane.number == DESK:
                continue
            own = bench.ledger.of_lane(lane)
            assert own.judge_cursor() == 7
            batch = own.observations_after(own.judge_cursor(), 100)
            assert {one.robot for one in batch} <= {robot.id for robot in own.robots()}
            read += [one.robot for one in batch]
            if batch:
                own.save_judgement(batch[-1].id, [], [], 0, 0, 0)
        assert sorted(read) == sorted(row.id for _, row in robots[7:])
        assert bench.ledger.unjudged()[0] == 0


def test_forgetting_goes_by_what_the_judge_of_the_robots_own_lane_has_by_heart(bench: HostBench) -> None:
    """Not by that of another lane, which may be far ahead, or have nothing to judge at all."""
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    told = next(one for one in (ThreeDays(bench, f"r{number}") for number in range(100)) if lane_of(one.row.id, COUNT))
    lane = lane_of(told.row.id, COUNT)
    assert told.erase_before(T + 9 * DAY) is None  # lane 0's judge has got all by heart, as ThreeDays has it
    ids = {one.seq: one.id for one in bench.ledger.observations_after(0, 10_000, told.row.id)}
    bench.ledger.of_lane(Lane(lane, held[lane])).save_minds((ids[45], 0, 0, 0), "v", {})
    told.erase_before(T + 9 * DAY)
    assert told.held() == set(range(46, 91))


def test_a_page_passes_over_no_change_of_a_transaction_that_ends_later(bench: HostBench) -> None:
    """Two lanes: the one that began first ends last."""
    (_, slow), (_, quick) = in_lane(bench, 0), in_lane(bench, 1)
    held = {lane.number: lane.epoch for lane in bench.ledger.book("worker").beat()}
    with bench.ledger.moment() as connection:
        before = newest_change(connection)
    with bench.ledger.on_lanes(lambda: {0: held[0]})._database.writing() as connection:
        links.note(connection, [Link(slow.id, True, 1.0)])
        bench.ledger.on_lanes(lambda: {1: held[1]}).note_links([Link(quick.id, True, 1.0)])
        with bench.ledger.moment() as reader:
            between = newest_change(reader)
            assert changed_since(reader, before) == {quick.id}
    with bench.ledger.moment() as reader:
        assert slow.id in changed_since(reader, between)
