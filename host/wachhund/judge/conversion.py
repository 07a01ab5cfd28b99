"""A Sigma rule becomes a condition in SQL on one row of its category, and what else the judge needs of it.

The condition is pySigma's, from its SQLite backend; ours are only networks (by number, not by spelling) and the check
that a regular expression runs in linear time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sigma.backends.sqlite.sqlite import sqliteBackend
from sigma.conditions import ConditionFieldEqualsValueExpression, ConditionValueExpression
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
)

from wachhund.judge.fields import CATEGORIES, Category, field_mapping
from wachhund.judge.matchable import Matchable, why_blind
from wachhund.judge.prefilter import literals_of
from wachhund.judge.regular import NotLinear, compiled
from wachhund.judge.rule_file import one_line

MAX_VALUE_CHARS = 8_192  # as long as a robot's command line; SQLite takes no pattern of 50,000
MAX_SQL_CHARS = 256 * 1024  # of one condition: as long as a rule file may be
MAX_COMPARISONS = 5_000  # in all conditions of a rule: each takes some 100 microseconds; SigmaHQ's longest has 300
_WORD = re.compile(r"[^\s()]+")


@dataclass(frozen=True)
class Converted:
    """`sql`: conditions on the category's table, one of them is enough. `columns`: those that they read.

    `blind`: why the rule can never match here; None when it can. `literals`: texts of which a row that matches holds
    one at least; None when there are no such.
    """

    category: str
    sql: tuple[str, ...]
    columns: frozenset[str]
    blind: str | None
    literals: frozenset[str] | None


class _Backend(sqliteBackend):
    """pySigma's SQLite, with networks asked by number: their spelling as text patterns misses IPv6."""

    def convert_condition_field_eq_val_cidr(self, cond: Any, state: Any) -> str:
        field = self.escape_and_quote_field(cond.field)  # type: ignore[no-untyped-call]  # plug-ins have no types
        return f"IN_NETWORK({field}, '{cond.value.network}')"


def convert(rule: SigmaRule) -> Converted:
    """Convert a rule, which the field mapping changes. Raises ValueError with the reason, one line."""
    category = rule.logsource.category or ""
    known = CATEGORIES.get(category)
    if known is None:
        raise ValueError(f"log source category {category or 'missing'!r}: robots observe {', '.join(CATEGORIES)}")
    if rule.logsource.product not in (None, "linux"):
        raise ValueError(f"log source product {rule.logsource.product!r}: robots run linux")
    if rule.logsource.service is not None:
        raise ValueError(f"log source service {rule.logsource.service!r}: robots tell no service's log")
    if _comparisons(rule) > MAX_COMPARISONS:
        raise ValueError(f"its conditions compare more than {MAX_COMPARISONS} values: make several rules of it")
    parsed: list[Any] = []

    def keep(_rule: Any, _format: Any, _index: int, condition: Any, result: Any) -> Any:
        parsed.append(condition.parsed)
        return result

    backend: Any = _Backend(field_mapping(), table=category)  # type: ignore[no-untyped-call]
    try:
        asked = set(backend.required_fields(rule))
        missing = sorted(name for name in asked if not known.known(name))
        if missing:
            raise ValueError(f"asks for {', '.join(missing)}, which no {category} observation has")
        for leaf in (leaf for condition in rule.detection.parsed_condition for leaf in _leaves(condition.parsed)):
            _check(leaf, known)
        queries = [str(query) for query in backend.convert_rule(rule, callback=keep)]
    except SigmaError as error:
        raise ValueError(f"not a Sigma rule: {one_line(error)}") from None
    except (AttributeError, TypeError, KeyError, IndexError, NotImplementedError, RecursionError) as error:
        raise ValueError(f"cannot be converted: {type(error).__name__}: {one_line(error)}") from None
    prefix = f"SELECT * FROM {category} WHERE "  # noqa: S608  taken off, not sent
    if any(len(query) > MAX_SQL_CHARS for query in queries):
        raise ValueError(f"becomes more than {MAX_SQL_CHARS // 1024} KiB of SQL: make several rules of it")
    if not queries or not all(query.startswith(prefix) for query in queries):
        raise ValueError("did not become a condition on one row")
    matchable = Matchable(category)
    literals = [literals_of(condition) for condition in parsed]
    return Converted(
        category,
        tuple(query.removeprefix(prefix) for query in queries),
        frozenset(known.names.get(name, name) for name in asked),
        None if any(matchable.of(one)[0] for one in parsed) else why_blind(category, asked, parsed),
        None if None in literals else frozenset(text for texts in literals for text in texts or ()),
    )


def _comparisons(rule: SigmaRule) -> int:
    """How many values the conditions of a rule compare at most, before any of them is built."""
    sizes = {name: _size(detection) for name, detection in rule.detection.detections.items()}
    every = sum(sizes.values())
    count = 0
    for condition in rule.detection.condition:
        for word in _WORD.findall(str(condition)):
            count += every if word == "them" or "*" in word else sizes.get(word, 0)
    return count


def _size(detection: Any) -> int:
    """Values in a selection, with those in the selections within it."""
    parts = getattr(detection, "detection_items", None)
    if parts is not None:
        return sum(map(_size, parts))
    return sum(len(value.values) if isinstance(value, SigmaExpansion) else 1 for value in detection.value)


def _leaves(condition: Any) -> Iterator[Any]:
    arguments = getattr(condition, "args", None)
    if arguments is None:
        yield condition
    else:
        for one in arguments:
            yield from _leaves(one)


def _check(leaf: Any, known: Category) -> None:
    """Raise ValueError for what SQL would take for something else than Sigma means."""
    if isinstance(leaf, ConditionValueExpression):
        raise ValueError("looks for words anywhere: name the field, for a row holds fields only")
    if not isinstance(leaf, ConditionFieldEqualsValueExpression):
        return
    if isinstance(leaf.value, SigmaRegularExpression):
        pattern = leaf.value.escape([], "", False, True)
        try:
            compiled(pattern)
        except NotLinear as error:
            told = one_line(error)
            raise ValueError(f"regular expression {one_line(pattern)!r}: not in linear time: {told}") from None
    values = leaf.value.values if isinstance(leaf.value, SigmaExpansion) else [leaf.value]
    if any(isinstance(value, SigmaString) and len(value) > MAX_VALUE_CHARS for value in values):
        raise ValueError(f"{leaf.field}: a value of more than {MAX_VALUE_CHARS} characters")
    if isinstance(leaf.value, SigmaTimestampPart):
        raise ValueError(f"takes {leaf.field} for a time, which it is not")
    if isinstance(leaf.value, SigmaCompareExpression) and known.names.get(leaf.field, leaf.field) not in known.numbers:
        raise ValueError(f"compares {leaf.field} as a number, which it is not")
