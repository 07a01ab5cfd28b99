"""Forgetting while the host serves: by age and by size, on record, in slices, and never more than was said."""

import time

import pytest

from tests.robots.ledger_place import take_away
from tests.robots.three_days import DAY, T, ThreeDays
from wachhund.keeping.keeper import REQUEST_LEFT_S, Keeper
from wachhund.keeping.policy import Keep
from wachhund.ledger import Ledger
from wachhund.ledger.keeping_records import AGE, REQUEST, SIZE, Act


def keeper(told: ThreeDays, keep: Keep, now: float) -> Keeper:
    return Keeper(told.ledger, keep, clock=lambda: now)


def test_what_is_older_than_the_time_of_keeping_is_forgotten_once_a_day(told: ThreeDays) -> None:
    """One act a day and robot stands on record, with who and why."""
    assert keeper(told, Keep(seconds=DAY), T + 2 * DAY).round().tokens == 30
    (act,) = told.ledger.keeping.erasures()
    assert (act.reason, act.by, act.why, act.tokens) == (AGE, "the host", "kept for 1 days", 30)
    assert act.finished_t is not None and told.held() == set(range(31, 91))
    assert keeper(told, Keep(seconds=DAY), T + 2 * DAY + 20).round().tokens == 0, "the same day"
    assert keeper(told, Keep(seconds=DAY), T + 3 * DAY + 20).round().tokens == 50
    assert len(told.ledger.keeping.erasures()) == 2


def test_nothing_is_forgotten_by_age_when_it_is_kept_for_ever(told: ThreeDays) -> None:
    assert keeper(told, Keep(seconds=None), T + 9999 * DAY).round().tokens == 0
    assert told.ledger.keeping.erasures() == []


def test_what_was_begun_is_gone_on_with(told: ThreeDays) -> None:
    """A host that stops in the middle leaves half of an act, and ends it when it starts again."""
    act = Act(AGE, told.row.id, None, T + DAY, "the host", "kept for 1 days", T + 2 * DAY)
    _, erasure = told.ledger.keeping.erase_old(act, None, (0.0, 0), {told.robot.chain: set(range(5, 91))})
    assert erasure is not None and told.held() == set(range(5, 91))
    keeper(told, Keep(seconds=DAY), T + 5 * DAY).round()
    (one,) = told.ledger.keeping.erasures()
    assert one.id == erasure.id and one.tokens == 30 and one.finished_t is not None
    assert told.held() == set(range(31, 91))


def test_a_ledger_that_is_too_large_loses_the_oldest_of_its_heaviest_robot(told: ThreeDays) -> None:
    """Who floods pushes out his own history, and nobody else's."""
    loud = ThreeDays(told.bench, "loud", days=6, each=300)
    told.ledger.save_minds((100_000, 0, 0, 0), "v", {})
    used = told.ledger.keeping.room().used
    made = keeper(told, Keep(None, used * 2 // 3), T + 20 * DAY).round()
    assert made.fault is None and told.ledger.keeping.room().used <= used * 2 // 3
    assert told.held() == set(range(1, 91))
    acts = told.ledger.keeping.erasures()
    assert {act.robot for act in acts} == {loud.row.id} and {act.reason for act in acts} == {SIZE}
    left = sorted(loud.held())
    assert left and left == list(range(left[0], loud.robot.seq + 1)), "the oldest went"


def test_what_is_a_few_days_old_is_not_pushed_out_and_that_is_said(told: ThreeDays) -> None:
    """Who has come in must not be able to make the host forget it by making noise."""
    made = keeper(told, Keep(None, 1), T + 3 * DAY).round()
    assert made.tokens == 0 and told.held() == set(range(1, 91))
    assert made.fault is not None and "larger than --keep-size" in made.fault


def test_a_request_whose_command_was_killed_is_ended(told: ThreeDays) -> None:
    """Somebody asked for it: half of it is not what they asked for."""
    keeping = told.ledger.keeping
    keeping.request(Act(REQUEST, told.row.id, None, T + DAY, "admin", "asked", T + 3 * DAY), lambda *_: None)
    keeper(told, Keep(None), T + 3 * DAY + REQUEST_LEFT_S - 1).round()
    assert keeping.unfinished(), "its command may still be at it"
    keeper(told, Keep(None), T + 3 * DAY + REQUEST_LEFT_S).round()
    assert keeping.unfinished() == [] and told.held() == set(range(61, 91)), "up to a minute beyond its end"


@pytest.mark.of_the_file  # a server keeps its room for new rows
def test_room_is_given_back(told: ThreeDays) -> None:
    """But for what the next hours fill again."""
    told.tell(T + 3 * DAY, 600)
    told.ledger.save_minds((100_000, 0, 0, 0), "v", {})
    assert told.ledger.keeping.clear_wal()
    before = told.ledger.path.stat().st_size
    Keeper(told.ledger, Keep(seconds=DAY), clock=lambda: T + 99 * DAY, spare_bytes=100_000).round()
    assert told.held() == set() and told.ledger.path.stat().st_size < before / 2
    assert told.ledger.keeping.room().empty <= 100_000


def test_the_thread_forgets_at_once_and_ends_when_told(told: ThreeDays) -> None:
    one = keeper(told, Keep(seconds=DAY), T + 2 * DAY)
    one.start()
    deadline = time.monotonic() + 20
    while one.last.ended_t is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    one.stop()
    assert one.last.tokens == 30 and one.fault is None


def test_a_ledger_that_refuses_is_a_fault_on_the_pages_and_not_the_end(told: ThreeDays) -> None:
    told.ledger.close()
    take_away(told.ledger.path)
    one = keeper(told, Keep(seconds=DAY), T + 2 * DAY)
    one.start()
    deadline = time.monotonic() + 20
    while one.fault is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    one.stop()
    assert "nothing is forgotten at present" in one.fault


@pytest.mark.parametrize("held", ["robot", "span"])
def test_what_is_held_for_years_costs_a_round_nothing(told: ThreeDays, held: str) -> None:
    """A hold is passed over at once: a round must not read a year of held tokens each hour."""
    told.ledger.keeping.hold(told.row.id, None, None if held == "robot" else T + DAY + 100, None, "a", "b", T)
    one = keeper(told, Keep(seconds=DAY), T + 9 * DAY)
    one.round()
    assert told.held() == (set(range(1, 91)) if held == "robot" else set(range(1, 61)))


def test_a_ledger_with_nothing_in_it_is_left_alone(told: ThreeDays, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Ledger.open(tmp_path_factory.mktemp("empty") / "ledger.sqlite")
    assert Keeper(empty, Keep(DAY, 1), clock=lambda: T).round().tokens == 0
    empty.close()
