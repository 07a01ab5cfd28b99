"""Runs the rules over a micro-batch in an in-memory SQLite: observations become rows, each rule is one SELECT.

Values of a robot are bound as parameters, never part of a statement; the statements are made once, from the rules.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache

from wachhund.judge.sigma import COLUMNS, Refused, Rule

Row = tuple[int, str, tuple[object, ...]]  # place in the batch, category, values in the order of COLUMNS

# SQLite allows 500 members in a compound SELECT; fewer keep each statement quick to prepare.
MAX_SELECTS = 100


class RuleMatcher:
    """The rules as prepared statements. `unusable`: rules that SQLite refused, each with its reason."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.create_function("REGEXP", 2, _regexp, deterministic=True)
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._inserts: dict[str, str] = {}
        for category, columns in COLUMNS.items():
            declared = ", ".join(f"{column} COLLATE NOCASE" for column in columns)
            self._db.execute(f"CREATE TABLE {category} (place INTEGER PRIMARY KEY, {declared})")
            marks = ", ".join("?" * (len(columns) + 1))
            self._inserts[category] = f"INSERT INTO {category} VALUES ({marks})"  # noqa: S608  our own names only
        self._rules: list[Rule] = []
        self.unusable: list[Refused] = []
        selects: dict[str, list[str]] = {category: [] for category in COLUMNS}
        for rule in rules:
            condition = " OR ".join(f"({part})" for part in rule.sql)
            # The condition is pySigma's conversion of a rule file that the operator chose; nothing of a robot is in it.
            select = f"SELECT {len(self._rules)}, place FROM {rule.category} WHERE {condition}"  # noqa: S608
            try:
                self._db.execute(select).fetchall()
            except sqlite3.Error as error:
                self.unusable.append(Refused(rule.id, f"SQLite refuses it: {error}"))
                continue
            self._rules.append(rule)
            selects[rule.category].append(select)
        self._queries = {
            category: [
                " UNION ALL ".join(members[start : start + MAX_SELECTS])
                for start in range(0, len(members), MAX_SELECTS)
            ]
            for category, members in selects.items()
        }

    def match(self, rows: Iterable[Row]) -> dict[int, list[Rule]]:
        """Place in the batch -> the rules that match there, in the order of their ids."""
        batches: dict[str, list[tuple[object, ...]]] = {}
        for place, category, values in rows:
            batches.setdefault(category, []).append((place, *values))
        found: dict[int, list[int]] = {}
        for category, batch in batches.items():
            if not self._queries[category]:
                continue
            self._db.execute("BEGIN")
            try:
                self._db.executemany(self._inserts[category], batch)
                for query in self._queries[category]:
                    for rule, place in self._db.execute(query):
                        found.setdefault(place, []).append(rule)
            finally:
                # Nothing stays: the table is a sieve, not a store.
                self._db.execute("ROLLBACK")
        return {place: [self._rules[index] for index in sorted(indices)] for place, indices in found.items()}


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).search


def _regexp(pattern: str, value: object) -> bool:
    """SQLite's `value REGEXP pattern`. A missing field matches nothing."""
    return value is not None and _compiled(pattern)(str(value)) is not None
