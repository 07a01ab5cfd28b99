"""The log of people's acts: nothing of it can be changed through the ledger, and what is changed past it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from tests.robots.ledger_place import ON_SERVER, beside, ready
from wachhund.ledger import Ledger, LedgerError, acts
from wachhund.ledger.acts import Search


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(ready(tmp_path / "ledger.sqlite"))
    for number, who in enumerate(("anna", "bert", "anna"), start=1):
        ledger.log.record(
            t=float(number), who=who, act="incident close", subject=f"i{number}", robot="r1", why="100% a test",
            detail={"reason": "false alarm"},
        )  # fmt: skip
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE acts SET who = 'eve' WHERE number = 2",
        "DELETE FROM acts WHERE number = 3",
        pytest.param(
            "INSERT OR REPLACE INTO acts SELECT * FROM acts WHERE number = 2",
            marks=pytest.mark.of_the_file,
        ),
    ],
)
def test_the_ledger_refuses_to_change_an_act(ledger: Ledger, statement: str) -> None:
    with pytest.raises(IntegrityError, match="stays on record"), beside(ledger.path) as database:
        database.exec_driver_sql(statement)
    assert ledger.log.first_broken() is None


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE acts SET why = 'nothing' WHERE number = 2", 2),
        ("UPDATE acts SET t = 9 WHERE number = 1", 1),
        ("DELETE FROM acts WHERE number = 2", 2),
        ("DELETE FROM acts WHERE number = 1", 1),
    ],
)
def test_what_is_changed_past_the_triggers_shows(ledger: Ledger, statement: str, broken: int) -> None:
    """Whoever can write the database can drop a trigger; the chain tells where."""
    with beside(ledger.path) as database:
        of_table = " ON acts" if ON_SERVER else ""
        database.exec_driver_sql(f"DROP TRIGGER acts_no_update{of_table}")
        database.exec_driver_sql(f"DROP TRIGGER acts_no_delete{of_table}")
        database.exec_driver_sql(statement)
    assert ledger.log.first_broken() == broken


def test_an_act_that_fails_leaves_no_line_and_a_line_that_fails_leaves_no_act(ledger: Ledger) -> None:
    with pytest.raises(LedgerError), ledger._database.writing() as connection:
        acts.record(connection, t=9.0, who="anna", act="person add")
        raise SQLAlchemyError("the act itself fails")
    assert ledger.log.find(Search(), 10)[0] == 3


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Search(), [3, 2, 1]),
        (Search(words=("anna", "i3")), [3]),
        (Search(words=("CLOSE",)), [3, 2, 1]),
        (Search(words=("100%",)), [3, 2, 1]),
        (Search(words=("%",), who="bert"), [2]),
        (Search(words=("_",)), []),
        (Search(who="bert"), [2]),
        (Search(who="ber"), []),
        (Search(robot="r2"), []),
        (Search(from_t=2.0, to_t=2.0), [2]),
    ],
)
def test_acts_are_found_by_words_person_robot_and_time(ledger: Ledger, wanted: Search, numbers: list[int]) -> None:
    """What SQL takes for a wildcard is a character like others."""
    count, found = ledger.log.find(wanted, 10)
    assert [act.number for act in found] == numbers and count == len(numbers)


def test_a_page_of_acts_begins_where_it_is_told_to(ledger: Ledger) -> None:
    assert [act.number for act in ledger.log.find(Search(), 1, 1)[1]] == [2]
