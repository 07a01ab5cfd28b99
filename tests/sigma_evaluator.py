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
_WORDS = re.compile(r"\(|\)|[^\s()]+")
_LOWER = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}


def evaluate(rule: Mapping[str, Any], record: Record) -> bool:
    """Whether a rule (one YAML document) matches a record."""
    detection = rule["detection"]
    conditions = detection["condition"]
    conditions = conditions if isinstance(conditions, list) else [conditions]
    return any(_Condition(condition, detection, record).value() for condition in conditions)


class _Condition:
    """Recursive descent over a condition: `or` binds least, then `and`, then `not`."""

    def __init__(self, text: str, detection: Mapping[str, Any], record: Record) -> None:
        self._words = _words(text)
        self._place = 0
        self._detection = detection
        self._record = record

    def value(self) -> bool:
        found = self._or()
        assert self._place == len(self._words), f"left over: {self._words[self._place :]}"
        return found

    def _next(self) -> str | None:
        return self._words[self._place].lower() if self._place < len(self._words) else None

    def _take(self) -> str:
        self._place += 1
        return self._words[self._place - 1]

    def _or(self) -> bool:
        found = self._and()
        while self._next() == "or":
            self._take()
            other = self._and()
            found = found or other
        return found

    def _and(self) -> bool:
        found = self._not()
        while self._next() == "and":
            self._take()
            other = self._not()
            found = found and other
        return found

    def _not(self) -> bool:
        if self._next() == "not":
            self._take()
            return not self._not()
        if self._next() == "(":
            self._take()
            found = self._or()
            assert self._take() == ")"
            return found
        return self._of() if self._next() in ("1", "any", "all") else self._search(self._take())

    def _of(self) -> bool:
        how = self._take().lower()
        assert self._take().lower() == "of"
        wanted = self._take()
        names = [name for name in self._detection if name != "condition"]
        if wanted.lower() == "them":
            chosen = [name for name in names if not name.startswith("_")]
        else:
            chosen = [name for name in names if fnmatch.fnmatchcase(name, wanted)]
        found = [self._search(name) for name in chosen]
        return all(found) if how == "all" else any(found)

    def _search(self, name: str) -> bool:
        given = self._detection[name]
        maps = given if isinstance(given, list) else [given]
        return any(all(_item(key, value, self._record) for key, value in one.items()) for one in maps)


@functools.cache
def _words(condition: str) -> list[str]:
    return _WORDS.findall(condition)


@functools.cache
def _key(key: str) -> tuple[str, bool, tuple[str, ...]]:
    field, *modifiers = key.split("|")
    return field, "all" in modifiers, tuple(one for one in modifiers if one != "all")


def _item(key: str, given: Any, record: Record) -> bool:
    field, every, how = _key(key)
    values = given if isinstance(given, list) else [given]
    found = [_value(how, value, record.get(field)) for value in values]
    return all(found) if every else any(found)


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
    return _pattern(str(value), position, cased).fullmatch(text) is not None


@functools.lru_cache(maxsize=1_000)
def _folded(text: str) -> str:
    return text.translate(_LOWER)


@functools.cache
def _regular(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


@functools.cache
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
