"""Runs the rules over a micro-batch in an in-memory SQLite: observations become rows, each rule is one SELECT.

Values of a robot are bound as parameters, never part of a statement; the statements are made once, from the rules.
A rule is asked only about a batch in which a row holds one of the texts that it cannot do without (`prefilter`), and
a row that was judged a moment ago is not judged again (robots repeat themselves).
"""

import ipaddress
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from wachhund.judge.fields import CATEGORIES, UNTOLD
from wachhund.judge.prefilter import Prefilter, folded
from wachhund.judge.regular import compiled
from wachhund.judge.rule import CORRELATION, Refused, Rule

Row = tuple[int, str, tuple[object, ...]]  # place in the batch, category, values in the order of its columns

# Rows whose rules are remembered, and how long their texts may be together: at most some 10 MB.
MAX_REMEMBERED = 4_096
MAX_REMEMBERED_CHARS = 1_000


class RuleMatcher:
    """The rules as prepared statements. `unusable`: rules that SQLite refused, each with its reason."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        given = [rule for rule in rules if rule.category != CORRELATION]
        self._db = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=len(given) + 16
        )
        self._db.create_function("REGEXP", 2, _regexp_of(), deterministic=True)
        self._db.create_function("IN_NETWORK", 2, _in_network, deterministic=True)
        self._db.execute("PRAGMA trusted_schema = OFF")
        self.unusable: list[Refused] = []
        usable: dict[str, list[Rule]] = {category: [] for category in CATEGORIES}
        for category, known in CATEGORIES.items():
            declared = ", ".join(
                f"{column} INTEGER" if column in known.numbers else f"{column} TEXT COLLATE NOCASE"
                for column in known.columns
            )
            self._db.execute(f"CREATE TABLE {category} (place INTEGER PRIMARY KEY, {declared}, {UNTOLD})")
        for rule in given:
            try:
                self._db.execute(_select(rule)).fetchall()
            except sqlite3.Error as error:
                self.unusable.append(Refused(rule.source, f"SQLite refuses it: {error}"))
                continue
            usable[rule.category].append(rule)
        self._tables = {category: _Table(self._db, category, rules) for category, rules in usable.items()}

    def forget(self) -> None:
        """Remember no row that was judged: of whom and when they were is not known here."""
        for table in self._tables.values():
            table.forget()
        _in_network.cache_clear()

    def match(self, rows: Iterable[Row]) -> dict[int, list[Rule]]:
        """Place in the batch -> the rules that match there, in the order of their ids."""
        batches: dict[str, list[tuple[int, tuple[object, ...]]]] = {}
        for place, category, values in rows:
            batches.setdefault(category, []).append((place, values))
        found: dict[int, list[Rule]] = {}
        for category, batch in batches.items():
            self._tables[category].match(batch, found)
        return found


def _select(rule: Rule) -> str:
    condition = " OR ".join(f"({part})" for part in rule.sql)
    # The condition is pySigma's conversion of a rule file that the operator chose; nothing of a robot is in it.
    return f"SELECT place FROM {rule.category} WHERE {condition}"  # noqa: S608


class _Table:
    """The rules of one category."""

    def __init__(self, db: sqlite3.Connection, category: str, rules: Sequence[Rule]) -> None:
        columns = list(CATEGORIES[category].columns)
        read = frozenset().union(*(rule.columns for rule in rules))
        self._db = db
        self._rules = rules
        self._selects = [_select(rule) for rule in rules]
        marks = ", ".join("?" * (len(columns) + 1))
        self._insert = f"INSERT INTO {category} (place, {', '.join(columns)}) VALUES ({marks})"  # noqa: S608  our names
        self._read = [place for place, column in enumerate(columns) if column in read]
        self._prefilter = Prefilter([rule.literals for rule in rules])
        self._remembered: dict[tuple[object, ...], tuple[int, ...]] = {}

    def match(self, batch: Sequence[tuple[int, tuple[object, ...]]], found: dict[int, list[Rule]]) -> None:
        """Add the rules that match to `found`."""
        if not self._rules:
            return
        keys: dict[tuple[object, ...], list[int]] = {}
        for place, values in batch:
            keys.setdefault(tuple([values[one] for one in self._read]), []).append(place)
        rows: list[tuple[object, ...]] = []
        asked: set[int] = set()
        values_at = dict(batch)
        unknown: dict[int, tuple[object, ...]] = {}
        for key, places in keys.items():
            known = self._remembered.get(key)
            if known is not None:
                self._tell(known, places, found)
                continue
            rules = self._prefilter.rules(folded("\n".join([str(one) for one in key if one is not None])))
            if rules:
                asked |= rules
                unknown[places[0]] = key
                rows.append((places[0], *values_at[places[0]]))
            else:
                self._remember(key, ())
        if rows:
            matched = self._run(rows, sorted(asked))
            for place, key in unknown.items():
                hits = tuple(matched.get(place, ()))
                self._remember(key, hits)
                self._tell(hits, keys[key], found)

    def forget(self) -> None:
        """Remember nothing."""
        self._remembered.clear()

    def _run(self, rows: list[tuple[object, ...]], asked: Sequence[int]) -> dict[int, list[int]]:
        matched: dict[int, list[int]] = {}
        self._db.execute("BEGIN")
        try:
            self._db.executemany(self._insert, rows)
            for rule in asked:
                for (place,) in self._db.execute(self._selects[rule]):
                    matched.setdefault(place, []).append(rule)
        finally:
            # Nothing stays: the table is a sieve, not a store.
            self._db.execute("ROLLBACK")
        return matched

    def _remember(self, key: tuple[object, ...], hits: tuple[int, ...]) -> None:
        if sum([len(one) for one in key if type(one) is str]) <= MAX_REMEMBERED_CHARS:
            if len(self._remembered) >= MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[key] = hits

    def _tell(self, hits: tuple[int, ...], places: Sequence[int], found: dict[int, list[Rule]]) -> None:
        if hits:
            for place in places:
                found[place] = [self._rules[one] for one in hits]


def _regexp_of() -> Callable[[str, object], bool]:
    """SQLite's `value REGEXP pattern`, in linear time. A missing field matches nothing."""
    # As many as the rules hold: each row is held against all of them, so that fewer would mean to compile them anew.
    expressions: dict[str, Callable[[str], object]] = {}

    def regexp(pattern: str, value: object) -> bool:
        if value is None:
            return False
        search = expressions.get(pattern)
        if search is None:
            search = expressions[pattern] = compiled(pattern).search
        return search(str(value)) is not None

    return regexp


@lru_cache(maxsize=1024)
def _network(text: str) -> Any:
    return ipaddress.ip_network(text)


@lru_cache(maxsize=4096)
def _in_network(value: object, network: str) -> bool:
    """Whether an address lies in a network. IPv4 written as IPv6 counts as IPv4; what is no address is in none."""
    try:
        address: Any = ipaddress.ip_address(str(value))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in _network(network)
