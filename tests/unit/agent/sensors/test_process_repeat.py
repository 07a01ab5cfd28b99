"""What repeats itself is counted, never dropped: told plus counted is always everything."""

from wachhund_agent.sensors.process_repeat import FLUSH_S, KINDS_KEPT, TOLD_WHOLE, WINDOW_S, RepeatCounter


def test_the_first_few_are_told_and_the_rest_counted_each_minute() -> None:
    counter = RepeatCounter()
    counter.flush(0.0)
    told = sum(counter.is_told("ps", second / 16) for second in range(500))
    counter.describe("ps", {"exe": "/bin/ps"})
    (counted,) = counter.flush(FLUSH_S)
    assert told == TOLD_WHOLE
    assert counted == {"exe": "/bin/ps", "count": 500 - TOLD_WHOLE, "first_mono": 5 / 16, "last_mono": 499 / 16}
    assert counter.flush(2 * FLUSH_S) == []


def test_after_the_window_some_are_told_whole_again() -> None:
    counter = RepeatCounter()
    for _ in range(10):
        counter.is_told("ps", 0.0)
    assert counter.is_told("ps", WINDOW_S)


def test_another_kind_is_not_drowned_by_a_busy_one() -> None:
    counter = RepeatCounter()
    for _ in range(1000):
        counter.is_told("ps", 0.0)
    assert counter.is_told("csclient", 0.0)


def test_a_kind_that_is_forgotten_for_room_is_told_first() -> None:
    """Whoever starts thousands of different things must not make earlier counts vanish."""
    counter = RepeatCounter()
    counter.flush(0.0)
    started = [counter.is_told("ps", 0.0) for _ in range(TOLD_WHOLE + 7)]
    started += [counter.is_told(number, 1.0) for number in range(KINDS_KEPT)]
    counted = sum(fields["count"] for fields in counter.flush(2.0))
    assert counted == 7 and sum(started) + counted == TOLD_WHOLE + 7 + KINDS_KEPT


def test_at_the_end_nothing_stays_untold() -> None:
    counter = RepeatCounter()
    for _ in range(9):
        counter.is_told("ps", 0.0)
    assert [fields["count"] for fields in counter.flush(0.1, everything=True)] == [9 - TOLD_WHOLE]


def test_what_did_not_come_for_a_window_is_forgotten_and_told_whole_again() -> None:
    counter = RepeatCounter()
    for number in range(200):
        counter.is_told(("once", number), 0.0)
    counter.flush(0.0)
    counter.flush(WINDOW_S + 1)
    assert not counter._kinds
    assert counter.is_told(("once", 1), WINDOW_S + 2)
