"""What was allowed stays on record as it was: each act is a row, and an authorisation is what its last act left."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from tests.robots.ledger_place import ready
from wachhund.ledger import Authorisation, Ledger, LedgerError
from wachhund.ledger.authorisation_records import LONGEST_S, MAX_VALID
from wachhund.ledger.authorisation_schema import authorisation_acts
from wachhund.ledger.authorising import GRACE_S
from wachhund_evidence import MisuseError

T = 1_700_000_000.0
ONE = Authorisation("", "anna", ("r1",), (), None, "relay", T, T + 100, "why", "root", T)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    yield made
    made.close()


def test_what_was_made_is_read_as_it_was_given(ledger: Ledger) -> None:
    """ "All", "none" and "these" must not become each other on their way through the file."""
    wanted = [ONE, replace(ONE, robots=None, surfaces=None, sources=("10.0.0.0/8",), carrier=None)]
    made = [ledger.authorisations.make(one) for one in wanted]
    assert [one.id for one in made] == ["a1", "a2"]
    assert ledger.authorisations.all() == made
    assert [replace(one, id="") for one in made] == wanted


def test_an_end_is_another_record_and_the_first_stays(ledger: Ledger) -> None:
    """Who allowed it is never lost, also when somebody else withdraws it."""
    ledger.authorisations.make(ONE)
    ledger.authorisations.make(ONE)
    ended = ledger.authorisations.end("a1", "bert", "enough", T + 50)
    assert (ended.until_t, ended.ended_by, ended.author) == (T + 50, "bert", "root")
    assert [(act.number, act.act, act.by) for act in ledger.authorisations.acts()] == [
        (1, "made", "root"), (2, "made", "root"), (3, "ended", "bert"),
    ]  # fmt: skip
    assert ledger.authorisations.acts()[0].became.ended_by is None
    assert [one.id for one in ledger.authorisations.all()] == ["a1", "a2"]
    assert ledger.authorisations.make(ONE).id == "a4"


def test_nothing_of_it_can_be_changed_or_taken_out(ledger: Ledger) -> None:
    ledger.authorisations.make(ONE)
    for statement in (update(authorisation_acts).values(by_whom="nobody"), delete(authorisation_acts)):
        with pytest.raises(LedgerError, match="stays on record"), ledger._database.writing() as connection:
            connection.execute(statement)
    assert ledger.authorisations.all()[0].author == "root"


@pytest.mark.parametrize(
    "wrong", [replace(ONE, until_t=T), replace(ONE, until_t=T - 1), replace(ONE, until_t=T + LONGEST_S + 1)]
)
def test_one_for_no_time_or_for_ever_is_refused(ledger: Ledger, wrong: Authorisation) -> None:
    with pytest.raises(MisuseError, match="--until"):
        ledger.authorisations.make(wrong)
    assert ledger.authorisations.all() == []


def test_one_that_is_over_cannot_be_ended(ledger: Ledger) -> None:
    ledger.authorisations.make(ONE)
    with pytest.raises(MisuseError, match="past already"):
        ledger.authorisations.end("a1", "bert", "late", T + 101)


def test_one_that_had_not_begun_allows_nothing_once_it_is_withdrawn(ledger: Ledger) -> None:
    ledger.authorisations.make(replace(ONE, from_t=T + 1_000, until_t=T + 2_000))
    assert ledger.authorisations.end("a1", "bert", "never mind", T + 10).until_t == T + 1_000


def test_so_many_are_not_over_and_no_more(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is held against each session. Those that are over make room."""
    monkeypatch.setattr("wachhund.ledger.authorising.MAX_VALID", 2)
    assert MAX_VALID > 2
    ledger.authorisations.make(ONE)
    ledger.authorisations.make(ONE)
    with pytest.raises(MisuseError, match="end one that is not needed"):
        ledger.authorisations.make(ONE)
    later = replace(ONE, made_t=T + 200, from_t=T + 200, until_t=T + 300)
    assert ledger.authorisations.make(later).id == "a3"


def test_that_its_time_came_and_is_over_is_noted_once_each(ledger: Ledger) -> None:
    """A silent robot does not tell that time passes. A withdrawn one is over already."""
    ledger.authorisations.make(replace(ONE, from_t=T + 10))
    ledger.authorisations.make(ONE)
    ledger.authorisations.end("a2", "bert", "x", T + 5)
    assert not ledger.authorisations.note_passed(T + 10 + GRACE_S - 1)
    assert ledger.authorisations.note_passed(T + 10 + GRACE_S)
    assert not ledger.authorisations.note_passed(T + 10 + GRACE_S)
    assert ledger.authorisations.note_passed(T + 101 + GRACE_S)
    assert not ledger.authorisations.note_passed(T + 1e6)
    assert [(act.act, act.became.id) for act in ledger.authorisations.acts(3)] == [("began", "a1"), ("over", "a1")]


def test_acts_are_read_in_slices(ledger: Ledger) -> None:
    for _ in range(4):
        ledger.authorisations.make(ONE)
    assert [act.number for act in ledger.authorisations.acts(1, limit=2)] == [2, 3]
    assert [act.number for act in ledger.authorisations.acts(up_to=2)] == [1, 2]
