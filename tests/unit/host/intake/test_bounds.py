"""Quota and queue: what one robot sends never costs another."""

import itertools
import random

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.held_off import HeldOff, Patience
from wachhund.intake.quota import Allowance, Quota
from wachhund.intake.waiting import (
    MAX_BYTES,
    MAX_BYTES_OF_ONE,
    MAX_MESSAGES,
    MAX_OF_ONE,
    Message,
    Waiting,
)
from wachhund_evidence import pack_message


def test_a_robot_may_burst_and_then_only_its_rate() -> None:
    """A backlog comes in bursts; a flood does not end."""
    allowance = Allowance(Quota(tokens_per_s=2, tokens_at_once=3, bytes_per_s=1e9, bytes_at_once=1e9), now=0.0)
    assert [allowance.allows(10, 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert [allowance.allows(10, 1.0) for _ in range(3)] == [True, True, False]


def test_bytes_are_bounded_beside_tokens() -> None:
    """Few large tokens cost as much as many small ones."""
    allowance = Allowance(Quota(tokens_per_s=1e9, tokens_at_once=1e9, bytes_per_s=100, bytes_at_once=100), now=0.0)
    assert not allowance.allows(101, 0.0)
    assert allowance.allows(100, 0.0)
    assert not allowance.allows(1, 0.0)
    assert allowance.allows(50, 0.5)


def of(robot: str, size: int = 1) -> Message:
    return Message(robot, b"x" * size, 0.0)


def all_of(waiting: Waiting) -> list[Message]:
    return list(iter(lambda: waiting.take(0.0), None))


def test_one_robot_cannot_fill_the_queue() -> None:
    """The others' messages find room."""
    waiting = Waiting()
    lost = [[one.robot for one in waiting.put(of("a"))] for _ in range(MAX_OF_ONE + 5)]
    assert lost == [[]] * MAX_OF_ONE + [["a"]] * 5
    assert waiting.put(of("b")) == []
    assert "b" in [message.robot for message in all_of(waiting)][:2]
    assert waiting.put(of("a")) == []


def test_where_all_room_is_used_whoever_has_most_waiting_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held against a plain count, over 5,000 acts of 40 robots from a seed, some louder, by messages and bytes."""
    monkeypatch.setattr("wachhund.intake.waiting.MAX_MESSAGES", 200)
    monkeypatch.setattr("wachhund.intake.waiting.MAX_BYTES", 20_000)
    waiting, draw = Waiting(), random.Random(1)
    there: dict[str, list[int]] = {f"r{number}": [] for number in range(40)}

    def share(robot: str) -> float:
        return max(sum(there[robot]) / 20_000, len(there[robot]) / 200)

    evictions = 0
    for _ in range(5_000):
        if draw.random() < 0.3:
            message = waiting.take(0.0)
            if message is not None:
                assert there[message.robot].pop(0) == len(message.payload)
            continue
        robot, size = f"r{int(draw.random() ** 3 * 40)}", draw.choice((1, 50, 500))
        for loser in waiting.put(of(robot, size)):
            evictions += 1
            assert share(loser.robot) == max(map(share, there))
            if loser.robot == robot:
                assert len(loser.payload) == size
                break
            assert there[loser.robot].pop() == len(loser.payload)
        else:
            there[robot].append(size)
    assert evictions > 1_000
    assert sorted(len(one.payload) for one in all_of(waiting)) == sorted(itertools.chain(*there.values()))


def test_a_robot_waits_behind_what_it_sent_itself_and_behind_nobody_else() -> None:
    """The quiet ones' messages come next, whatever the loud one sent before them."""
    waiting = Waiting()
    for _ in range(MAX_OF_ONE):
        waiting.put(of("loud"))
    first = waiting.take(0.0)
    for robot in ("quiet", "other", "quiet"):
        waiting.put(of(robot))
    order = [message.robot for message in (first, *all_of(waiting)) if message is not None]
    assert sorted(order[1:4]) == ["loud", "other", "quiet"] and order[:6].count("loud") <= 3
    assert order.count("loud") == MAX_OF_ONE


def test_who_costs_much_waits_until_the_others_have_cost_as_much() -> None:
    """Ten robots whose tokens are a hundred times as large as others do not come before any of these."""
    waiting = Waiting()
    for number in range(10):
        for _ in range(20):
            waiting.put(of(f"heavy-{number}"))
    for _ in range(10):
        message = waiting.take(0.0)
        assert message is not None
        waiting.charge(message.robot, 150_000)
    for robot in ("light", "new"):
        for _ in range(30):
            waiting.put(of(robot))
    served = []
    for _ in range(60):
        message = waiting.take(0.0)
        assert message is not None
        waiting.charge(message.robot, 1_000)
        served.append(message.robot)
    assert set(served) == {"light", "new"}
    assert waiting.take(0.0) is not None, "and then it is their turn again"


def test_what_a_robot_cost_is_not_forgotten_when_nothing_of_it_waits() -> None:
    """One heavy token after another, each sent when the last was taken, is the same as all at once."""
    waiting = Waiting()
    for _ in range(3):
        waiting.put(of("heavy"))
        assert waiting.take(0.0) == of("heavy")
        waiting.charge("heavy", 150_000)
    waiting.put(of("light"))
    assert waiting.take(0.0) == of("light")
    waiting.put(of("heavy"))
    waiting.put(of("light"))
    assert waiting.take(0.0) == of("light")
    assert waiting.take(0.0) == of("heavy")


def test_of_one_robot_the_oldest_comes_first() -> None:
    """Evidence in its order is cheapest to store."""
    waiting = Waiting()
    for number in range(5):
        waiting.put(Message("a", b"%d" % number, 0.0))
    assert [message.payload for message in all_of(waiting)] == [b"0", b"1", b"2", b"3", b"4"]


def test_when_all_room_is_used_the_greediest_gives_way() -> None:
    """However many robots flood together, one that sends little finds room."""
    waiting = Waiting()
    size = MAX_BYTES_OF_ONE // 8
    for robot in range(MAX_BYTES // MAX_BYTES_OF_ONE):
        for _ in range(8):
            assert waiting.put(of(f"loud-{robot}", size)) == []
    assert len(waiting.put(of("loud-new", size))) == 1
    (loser,) = waiting.put(of("quiet", 100))
    assert loser.robot.startswith("loud-")
    taken = all_of(waiting)
    assert sum(len(message.payload) for message in taken) <= MAX_BYTES
    assert "quiet" in {message.robot for message in taken}


def test_the_greediest_itself_is_refused_when_all_room_is_used() -> None:
    """Nobody else gives way to it."""
    waiting = Waiting()
    for robot in range(MAX_MESSAGES // MAX_OF_ONE):
        for _ in range(MAX_OF_ONE - (robot > 0)):
            waiting.put(of(str(robot)))
    while not (lost := waiting.put(of("0"))) or lost == []:
        pass
    assert [one.robot for one in lost] == ["0"]


def test_a_closed_queue_takes_nothing_and_gives_what_it_holds() -> None:
    """At the end of a host what came in is still committed."""
    waiting = Waiting()
    waiting.put(of("a"))
    waiting.close()
    assert waiting.put(of("a")) == [of("a")]
    assert waiting.take(60.0) == of("a")
    assert waiting.take(60.0) is None


def test_text_is_bounded_before_it_is_read(bench: HostBench) -> None:
    """A small message may hold a large token: what costs is what it holds. The excess waits in the journal."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    large = [robot.token(*(robot.saw("x", text="y" * 1000) for _ in range(120))) for _ in range(40)]
    assert max(map(len, map(pack_message, large))) < 10_000
    fits = int(Quota().text_at_once // len(large[0]))
    assert len(bench.take(row, *large)) == fits < 40
    assert bench.refused() == {(row.id, "quota"): 40 - fits}
    assert len(bench.take(row, *large[fits:], t=1_000_010.0)) == 40 - fits, "sent again later, it gets in"


def test_who_goes_on_is_held_off_and_each_time_for_longer() -> None:
    """A flood costs less once its robot is off the broker; one slip of an honest robot costs nothing."""
    off = HeldOff(Patience(limit=10, per_s=1, first_s=30, longest_s=100, calm_s=1000))
    assert [off.note("slip", 9, float(second)) for second in range(0, 100, 10)] == [None] * 10
    assert off.note("loud", 9, 0.0) is None and off.note("loud", 9, 1.0) == 30
    assert off.held(1.0) == off.held(30.9) == {"loud"} and off.held(31.1) == set()
    assert off.note("loud", 99, 2.0) is None, "what was on its way is no new flood"
    assert [off.note("loud", 99, now) for now in (40.0, 110.0, 300.0)] == [60, 100, 100]
    assert off.note("loud", 99, 2000.0) == 30, "after a calm time it begins anew"


def test_what_an_honest_robot_never_does_is_too_much_at_once() -> None:
    """Another's client id throws that one off: there is no second time before it is stopped."""
    off = HeldOff()
    woken: list[bool] = []
    off.on_change = lambda: woken.append(True)
    assert off.note_grave("thief", 0.0) == Patience().first_s
    assert woken == [True] and off.held(1.0) == {"thief"}
