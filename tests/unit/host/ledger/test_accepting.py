"""What was accepted as usual stays on record as it was; the newest of a robot counts, until somebody ends it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from tests.robots.ledger_place import ready
from tests.unit.host.judge.test_unusual import BASELINE
from tests.unit.host.ledger.test_authorising import ONE
from wachhund.ledger import Ledger, LedgerError, Usual
from wachhund.ledger.baseline_records import UsualView
from wachhund.ledger.baseline_schema import baseline_acts
from wachhund_evidence import MisuseError

T = 1_700_000_000.0
OTHER = replace(BASELINE, robot="r2", limited=True, usual=Usual())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


def test_what_was_accepted_is_read_as_it_was_given(ledger: Ledger) -> None:
    """Programs, destinations, hashes and "none" must not become each other on their way through the file."""
    made = [ledger.baselines.accept(one) for one in (BASELINE, OTHER)]
    assert [one.id for one in made] == ["b1", "b2"]
    assert ledger.baselines.all() == [(one, "standing") for one in made]
    assert [replace(one, id="b1") for one in made] == [BASELINE, replace(OTHER, id="b1")]
    assert ledger.baselines.standing("r1") == made[0] and ledger.baselines.standing("r3") is None


def test_a_newer_one_replaces_the_older_and_both_stay_on_record(ledger: Ledger) -> None:
    for one in (BASELINE, OTHER, replace(BASELINE, why="after the upgrade")):
        ledger.baselines.accept(one)
    assert [(one.id, state) for one, state in ledger.baselines.all()] == [
        ("b1", "replaced"), ("b2", "standing"), ("b3", "standing"),
    ]  # fmt: skip
    with pytest.raises(MisuseError, match="replaced already"):
        ledger.baselines.end("b1", "bert", "x", T)


def test_an_end_is_said_once_and_brings_none_back(ledger: Ledger) -> None:
    for why in ("one", "two"):
        ledger.baselines.accept(replace(BASELINE, why=why))
    ended = ledger.baselines.end("b2", "bert", "moved", T)
    assert (ended.ended_by, ended.ended_why, ended.author) == ("bert", "moved", "anna")
    assert ledger.baselines.standing("r1") is None
    assert [state for _, state in ledger.baselines.all()] == ["replaced", "ended"]
    for identity, words in (("b2", "ended already"), ("b9", "there is none")):
        with pytest.raises(MisuseError, match=words):
            ledger.baselines.end(identity, "carl", "x", T)
    assert [(act.number, act.act, act.by) for act in ledger.baselines.acts()] == [
        (1, "accepted", "anna"), (2, "accepted", "anna"), (3, "ended", "bert"),
    ]  # fmt: skip
    assert ledger.baselines.acts()[-1].became == ended


def test_nothing_of_it_can_be_changed_or_taken_out(ledger: Ledger) -> None:
    ledger.baselines.accept(BASELINE)
    for statement in (update(baseline_acts).values(by_whom="nobody"), delete(baseline_acts)):
        with pytest.raises(LedgerError, match="stays on record"), ledger._database.writing() as connection:
            connection.execute(statement)
    assert ledger.baselines.acts()[0].by == "anna"


def test_one_that_is_too_large_is_refused_in_one_line(ledger: Ledger) -> None:
    """It lies in the judge's memory and is written with its mind."""
    views = tuple(UsualView(f"/{number}", None, "x" * 4_000, 1) for number in range(300))
    with pytest.raises(MisuseError, match="bytes, and 1048576 at most"):
        ledger.baselines.accept(replace(BASELINE, usual=Usual(views=views)))
    assert ledger.baselines.all() == []


def test_what_was_allowed_and_what_was_accepted_share_one_row_of_numbers(ledger: Ledger) -> None:
    """The judge takes both by one number: in any other order judging again would say something else."""
    ledger.baselines.accept(BASELINE)
    ledger.authorisations.make(ONE)
    ledger.baselines.accept(BASELINE)
    ledger.authorisations.end("a2", "bert", "x", ONE.from_t + 1)
    ledger.baselines.end("b3", "bert", "x", T)
    assert [(act.number, act.act) for act in ledger.unread((0, 0, 0), 9).acts] == [
        (1, "accepted"), (2, "made"), (3, "accepted"), (4, "ended"), (5, "ended"),
    ]  # fmt: skip
    assert [act.number for act in ledger.unread((0, 0, 1), 2).acts] == [2, 3]
    assert [act.number for act in ledger.authorisations.acts(3, up_to=4)] == [4]
