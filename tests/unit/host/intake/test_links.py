"""What robots say of their connection: kept at once, believed by nobody, and two words only."""

import pytest

from tests.robots.host_bench import HostBench
from wachhund.intake.links import Links
from wachhund.ledger import LedgerError, Link


def test_the_newest_word_of_each_robot_is_kept(bench: HostBench) -> None:
    """Many words in a second are one write."""
    links = Links(bench.ledger)
    assert bench.ledger.link("a") is None
    for t, word in ((1.0, b"online"), (2.0, b"offline"), (3.0, b"online")):
        assert links.note("a", word, t)
    assert links.note("b", b"offline", 4.0)
    links.store(5.5)
    assert bench.ledger.link("a") == Link("a", True, 3.0) and bench.ledger.link("b") == Link("b", False, 4.0)
    assert links.note("a", b"offline", 5.0)
    links.store(5.5)
    assert bench.ledger.link("a") == Link("a", False, 5.0)


def test_a_word_that_comes_again_does_not_take_a_newer_one_s_place(bench: HostBench, gone: list[str]) -> None:
    """Its acknowledgement was lost, and its robot is back since. It is settled with the newer one, or alone."""
    links, settled = Links(bench.ledger), list[str]()
    links.note("a", b"online", 2.0)
    links.note("a", b"offline", 1.0, lambda: settled.append("beside"), comes_again=True)
    links.store(100.0)
    links.note("a", b"offline", 1.0, lambda: settled.append("later"), comes_again=True)
    links.store(200.0)
    assert (bench.ledger.link("a"), gone, settled) == (Link("a", True, 2.0), [], ["beside", "later"])
    links.note("a", b"offline", 3.0, comes_again=True)  # nothing newer was heard
    links.note("b", b"offline", 3.0)
    links.note("b", b"online", 2.5)  # a clock that was set back says nothing of what comes after what
    links.store(200.0)
    assert (bench.ledger.link("a"), bench.ledger.link("b")) == (Link("a", False, 3.0), Link("b", True, 2.5))
    links.forget_others(lambda robot: robot != "a")
    links.note("a", b"online", 2.0, comes_again=True)  # others took care meanwhile: what it knew does not hold
    links.store(201.0)
    assert bench.ledger.link("a") == Link("a", True, 2.0)


@pytest.mark.parametrize("word", [b"", b"ONLINE", b"online ", b"\xff", b"x" * 300_000])
def test_anything_else_is_no_word(bench: HostBench, word: bytes) -> None:
    """A robot's bytes are no text of ours."""
    links = Links(bench.ledger)
    assert not links.note("a", word, 1.0)
    links.store(5.5)
    assert bench.ledger.link("a") is None


def test_a_word_that_the_ledger_did_not_take_is_tried_again_unless_a_newer_came(bench: HostBench) -> None:
    """A full disk costs no hint that still holds."""
    links, took = Links(bench.ledger), bench.ledger.note_links

    def full(told: object) -> None:
        raise LedgerError("the disk is full")

    links.note("a", b"online", 1.0)
    links.note("b", b"online", 1.0)
    bench.ledger.note_links = full  # type: ignore[method-assign]
    links.store(5.5)
    links.note("a", b"offline", 2.0)
    bench.ledger.note_links = took  # type: ignore[method-assign]
    links.store(5.5)
    assert bench.ledger.link("a") == Link("a", False, 2.0) and bench.ledger.link("b") == Link("b", True, 1.0)


def test_a_word_that_was_lost_by_a_fault_of_ours_is_not_settled(bench: HostBench) -> None:
    """Whoever brought it would let go of it."""
    links, took, settled = Links(bench.ledger), bench.ledger.note_links, list[str]()

    def broken(told: object) -> None:
        raise RuntimeError

    links.note("a", b"online", 1.0, lambda: settled.append("a"))
    bench.ledger.note_links = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        links.store(5.5)
    assert settled == []
    bench.ledger.note_links = took  # type: ignore[method-assign]
    links.store(5.5)
    assert settled == ["a"] and bench.ledger.link("a") == Link("a", True, 1.0)


@pytest.fixture
def gone(bench: HostBench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Robots of which the ledger was told that they are gone."""
    told: list[str] = []
    monkeypatch.setattr(bench.ledger.integrity, "note_gone", lambda robot, t: told.append(robot))
    return told


def test_who_is_gone_is_told_only_when_word_of_a_return_would_be_here(bench: HostBench, gone: list[str]) -> None:
    """A host that is behind by ten seconds hears of a return ten seconds late, and blames nobody meanwhile."""
    links = Links(bench.ledger)
    links.note("back", b"offline", 100.0)
    links.note("gone", b"offline", 100.0)
    links.store(105.0, late_s=10.0)
    assert gone == []
    links.note("back", b"online", 101.0)
    links.store(112.9, late_s=10.0)
    assert gone == []
    links.store(113.0, late_s=10.0)
    assert gone == ["gone"]


def test_many_that_go_together_have_the_time_that_so_many_need(bench: HostBench, gone: list[str]) -> None:
    """A thousand that lost their broker are no thousand attacks; those that alone stay away are told."""
    links = Links(bench.ledger)
    for number in range(1000):
        links.note(f"r{number}", b"offline", 100.0)
    links.store(130.0)
    for number in range(998):
        links.note(f"r{number}", b"online", 130.0)
    assert gone == []
    links.store(131.0)
    assert sorted(gone) == ["r998", "r999"]


def test_all_that_stay_away_are_told_in_the_end(bench: HostBench, gone: list[str]) -> None:
    """However many they are."""
    links = Links(bench.ledger)
    for number in range(10_000):
        links.note(f"r{number}", b"offline", 100.0)
    links.store(222.9)
    assert gone == []
    links.store(223.1)
    assert len(gone) == 10_000
