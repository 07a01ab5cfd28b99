"""docs/senses.md says what the agent sees, and each claim has its test."""

from tests import senses_table


def test_the_table_of_senses_is_not_stale() -> None:
    assert senses_table.DOCUMENT.read_text(encoding="utf-8") == senses_table.rendered(), "python -m tests.senses_table"


def test_each_claim_names_tests_that_exist() -> None:
    assert senses_table.missing_tests() == []


def test_what_nothing_shows_is_said() -> None:
    assert [row.what for row in senses_table.ROWS if not row.tests and not row.not_shown] == []
