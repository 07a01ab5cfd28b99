"""With WACHHUND_TEST_LEDGER=postgresql the tests' ledgers are on a server (tests/robots/ledger_place.py)."""

import pytest

from tests.robots.ledger_place import ON_SERVER


def pytest_configure(config: pytest.Config) -> None:
    if ON_SERVER:
        # Tests that leave a ledger open: SQLite's connections end without a word, and the run's server ends with it.
        config.addinivalue_line("filterwarnings", "ignore:.*psycopg.Connection.*was deleted while still open")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not ON_SERVER:
        return
    of_the_file = [item for item in items if item.get_closest_marker("of_the_file") is not None]
    config.hook.pytest_deselected(items=of_the_file)
    items[:] = [item for item in items if item not in of_the_file]
