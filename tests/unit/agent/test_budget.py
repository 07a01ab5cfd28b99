"""The agent's own limits: detail is given up step by step, in the published order, said, and taken up again."""

from typing import List

from wachhund_agent.budget import BACK_AFTER_S, CPU_SHARE, LOOK_S, ORDER, RSS_BYTES, Budget, Usage, usage


def played(budget: Budget, shares: List[float], start: float = 0.0, rss: int = 1) -> List[int]:
    """The levels told while a process uses these shares of a core, a look each."""
    told, cpu, mono = [], 0.0, start
    budget.look(mono, Usage(cpu, rss))
    for share in shares:
        mono += LOOK_S
        cpu += share * LOOK_S
        told += [one.fields["level"] for one in budget.look(mono, Usage(cpu, rss))]
    return told


def test_a_calm_agent_gives_up_nothing() -> None:
    assert played(Budget(), [CPU_SHARE * 0.9] * 20) == []


def test_too_much_work_gives_up_one_thing_a_look_and_never_more_than_there_is() -> None:
    assert played(Budget(), [CPU_SHARE * 2] * 6) == [1, 2, 3]


def test_detail_comes_back_one_by_one_after_lasting_calm() -> None:
    calm = int(BACK_AFTER_S / LOOK_S)
    assert played(Budget(), [1.0, 1.0] + [0.0] * (calm + 1) + [0.0] * calm) == [1, 2, 1, 0]


def test_work_near_the_limit_keeps_what_was_given_up() -> None:
    assert played(Budget(), [1.0] + [CPU_SHARE * 0.7] * 30) == [1]


def test_too_much_memory_counts_like_too_much_work() -> None:
    assert played(Budget(), [0.0] * 2, rss=RSS_BYTES + 1) == [1, 2]


def test_what_is_told_names_what_is_missing_from_then_on() -> None:
    budget = Budget()
    budget.look(0.0, Usage(0.0, 5))
    fields = budget.look(LOOK_S, Usage(LOOK_S, 5))[0].fields
    assert fields == {"level": 1, "shed": [ORDER[0]], "cpu_share": 1.0, "rss_bytes": 5}


def test_between_two_looks_nothing_is_asked() -> None:
    budget = Budget()
    budget.look(0.0, Usage(0.0, 1))
    assert budget.look(LOOK_S / 2, Usage(99.0, 1)) == []


def test_our_own_usage_is_real() -> None:
    used = usage()
    assert used.cpu_s > 0 and used.rss_bytes is not None and 1 << 20 < used.rss_bytes < 4 << 30
