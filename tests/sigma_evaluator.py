"""A second reading of Sigma, for tests: a rule's YAML evaluated on one record in plain Python.

It shares nothing with the host but the YAML: no pySigma, no SQL. Source: Sigma specification 2.1 (detections,
conditions, modifiers). A modifier that it does not know is an error, so that no rule is skipped in silence.
"""

import fnmatch
import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

Record = Mapping[str, Any]  # Sigma field -> text, number, or None where it is missing
Test = Callable[[Record], bool]
_WORDS = re.compile(r"\(|\)|[^\s()]+")
_LOWER = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}


def evaluator(rule: Mapping[str, Any]) -> Test:
    """A rule (one YAML document) as a question about a record."""
    detection = rule["detection"]
    conditions = detection["condition"]
    tests = [
        _Condition(one, detection).test() for one in (conditions if isinstance(conditions, list) else [conditions])
    ]
    return lambda record: any(test(record) for test in tests)


class _Condition:
    """Recursive descent over a condition: `or` binds least, then `and`, then `not`."""

    def __init__(self, text: str, detection: Mapping[str, Any]) -> None:
        self._words = _WORDS.findall(text)
        self._place = 0
        self._detection = detection

    def test(self) -> Test:
        found = self._or()
        assert self._place == len(self._words), f"left over: {self._words[self._place :]}"
        return found

    def _next(self) -> str | None:
        return self._words[self._place].lower() if self._place < len(self._words) else None

    def _take(self) -> str:
        self._place += 1
        return self._words[self._place - 1]

    def _or(self) -> Test:
        parts = [self._and()]
        while self._next() == "or":
            self._take()
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda record: any(part(record) for part in parts)

    def _and(self) -> Test:
        parts = [self._not()]
        while self._next() == "and":
            self._take()
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)

    def _not(self) -> Test:
        if self._next() == "not":
            self._take()
            inner = self._not()
            return lambda record: not inner(record)
        if self._next() == "(":
            self._take()
            found = self._or()
            assert self._take() == ")"
            return found
        return self._of() if self._next() in ("1", "any", "all") else self._search(self._take())

    def _of(self) -> Test:
        how = self._take().lower()
        assert self._take().lower() == "of"
        wanted = self._take()
        names = [name for name in self._detection if name != "condition"]
        if wanted.lower() == "them":
            chosen = [name for name in names if not name.startswith("_")]
        else:
            chosen = [name for name in names if fnmatch.fnmatchcase(name, wanted)]
        parts = [self._search(name) for name in chosen]
        enough = all if how == "all" else any
        return lambda record: enough(part(record) for part in parts)

    def _search(self, name: str) -> Test:
        given = self._detection[name]
        maps = [[_item(*pair) for pair in one.items()] for one in (given if isinstance(given, list) else [given])]
        return lambda record: any(all(item(record) for item in items) for items in maps)


def _item(key: str, given: Any) -> Test:
    field, *modifiers = key.split("|")
    how = tuple(one for one in modifiers if one != "all")
    values = given if isinstance(given, list) else [given]
    enough = all if "all" in modifiers else any

    def test(record: Record) -> bool:
        actual = record.get(field)
        return enough(_value(how, value, actual) for value in values)

    return test


def _value(how: tuple[str, ...], value: Any, actual: Any) -> bool:
    if how == ("exists",):
        return (actual is not None) is bool(value)
    if value is None:
        return actual is None
    if actual is None:
        return False
    if how in (("gt",), ("gte",), ("lt",), ("lte",)):
        compare: dict[str, Callable[[Any, Any], bool]] = {
            "gt": lambda one, other: one > other, "gte": lambda one, other: one >= other,
            "lt": lambda one, other: one < other, "lte": lambda one, other: one <= other,
        }  # fmt: skip
        return isinstance(actual, (int, float)) and compare[how[0]](actual, value)
    if how == ("cidr",):
        try:
            address = ipaddress.ip_address(actual)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return mapped in ipaddress.ip_network(value)
    if how == ("re",):
        return _regular(value).search(str(actual)) is not None
    if isinstance(value, bool):
        value = "true" if value else "false"
    cased = "cased" in how
    position = tuple(one for one in how if one != "cased")
    text = str(actual) if cased else _folded(str(actual))
    return _fits(str(value), position, cased)(text)


@functools.lru_cache(maxsize=1_000)
def _folded(text: str) -> str:
    return text.translate(_LOWER)


@functools.cache
def _regular(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


@functools.cache
def _fits(value: str, position: tuple[str, ...], cased: bool) -> Callable[[str], bool]:
    """Whether a text fits: without wildcards and backslashes by the text itself, else by a pattern."""
    if any(char in value for char in "*?\\"):
        pattern = _pattern(value, position, cased)
        return lambda text: pattern.fullmatch(text) is not None
    wanted = value if cased else value.translate(_LOWER)
    ways: dict[tuple[str, ...], Callable[[str], bool]] = {
        (): lambda text: text == wanted,
        ("contains",): lambda text: wanted in text,
        ("startswith",): lambda text: text.startswith(wanted),
        ("endswith",): lambda text: text.endswith(wanted),
    }
    return ways[position]


def _pattern(value: str, position: tuple[str, ...], cased: bool) -> "re.Pattern[str]":
    """`*` and `?` are wildcards, a backslash takes that from them, and stands for itself before anything else."""
    assert position in ((), ("contains",), ("startswith",), ("endswith",)), position
    text = value if cased else value.translate(_LOWER)
    made, place = "", 0
    while place < len(text):
        char = text[place]
        if char == "\\" and place + 1 < len(text) and text[place + 1] in "*?\\":
            made += re.escape(text[place + 1])
            place += 1
        else:
            made += {"*": ".*", "?": "."}.get(char) or re.escape(char)
        place += 1
    before = ".*" if position in (("contains",), ("endswith",)) else ""
    after = ".*" if position in (("contains",), ("startswith",)) else ""
    return re.compile(before + made + after, re.DOTALL)
