"""docs/attacks.md says what is held off, and each claim has its test."""

import re

from tests import attacks_table


def test_the_table_of_attacks_is_not_stale() -> None:
    document = attacks_table.DOCUMENT.read_text(encoding="utf-8")
    assert document == attacks_table.rendered(), "python -m tests.attacks_table"


def test_every_attack_that_was_thought_of_has_its_row() -> None:
    """A row that is left out looks like one that is held off."""
    wanted = [f"{group}{number + 1}" for group, count in attacks_table.NUMBERS.items() for number in range(count)]
    assert [row.id for row in attacks_table.ROWS] == wanted


def test_each_row_names_tests_that_exist() -> None:
    assert attacks_table.missing_tests() == []


def test_what_is_not_held_off_says_so_and_why() -> None:
    """Nothing is held off without a test, and nothing else is without its reason."""
    rows = attacks_table.ROWS
    assert {row.state for row in rows} <= set(attacks_table.STATES)
    assert [row.id for row in rows if row.state == attacks_table.HELD and not row.tests] == []
    assert [row.id for row in rows if row.state != attacks_table.HELD and not row.left] == []
    assert [row.id for row in rows if re.search(r"[|\n]", "".join((row.attack, row.answer, row.left)))] == []
