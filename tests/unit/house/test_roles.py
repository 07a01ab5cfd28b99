"""docs/roles.md is what the routes' rows say."""

from tests import roles_table


def test_the_table_of_roles_is_current() -> None:
    """`python -m tests.roles_table` writes it anew."""
    assert roles_table.written() == roles_table.drawn()
