"""Which rules need not be asked about a row: those of which it holds none of the texts that they cannot do without.

Only a saving: what is left is decided by the rule's own condition in SQL.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import re2  # type: ignore[import-untyped]
from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionOR
from sigma.types import SigmaExpansion, SigmaNumber, SigmaString

from wachhund.judge.fields import CATEGORIES

SHORTEST = 3  # characters: shorter texts are in every row
# The automaton has a state for each character at most, and each takes a few hundred bytes of this memory.
MAX_CHARS = 100_000
MEMORY_BYTES = 256 * 1024 * 1024
# Fields of few values: their texts are in every row too.
_COMMON = frozenset({"Initiated", "Protocol", "Deleted", "CommandLineCut", "Change", "Class", "Scope"})
_NUMBERS = frozenset(name for known in CATEGORIES.values() for name in known.numbers)
_PLAIN_NUMBER = re.compile("[1-9][0-9]*")
_FOLDED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def folded(text: str) -> str:
    """Text without regard to case, as SQLite compares it: A to Z only."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def literals_of(condition: Any) -> frozenset[str] | None:
    """Texts of which a row holds one at least when the parsed condition is true; None when there are no such."""
    if isinstance(condition, ConditionAND):
        found = [one for one in map(literals_of, condition.args) if one]
        return max(found, key=_worth) if found else None
    if isinstance(condition, ConditionOR):
        return _all(map(literals_of, condition.args))
    if isinstance(condition, ConditionFieldEqualsValueExpression) and condition.field not in _COMMON:
        value = condition.value
        values = value.values if isinstance(value, SigmaExpansion) else [value]
        return _all(_literal(one, condition.field in _NUMBERS) for one in values)
    return None


def _all(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    together: frozenset[str] = frozenset()
    for one in found:
        if one is None:
            return None
        together |= one
    return together or None


def _literal(value: Any, is_number: bool) -> frozenset[str] | None:
    if isinstance(value, SigmaNumber) or (is_number and isinstance(value, SigmaString)):
        # Only in its one plain spelling: SQLite takes '0888' for 888.
        text = str(value)
        return frozenset({text}) if len(text) >= SHORTEST and _PLAIN_NUMBER.fullmatch(text) else None
    if not isinstance(value, SigmaString):
        return None
    longest = max((part for part in value.s if isinstance(part, str)), key=len, default="")
    return frozenset({folded(longest)}) if len(longest) >= SHORTEST else None


def _worth(literals: frozenset[str]) -> tuple[int, int]:
    return min(map(len, literals)), -len(literals)


class Prefilter:
    """The texts of many rules, looked for at once in linear time (RE2's set of patterns)."""

    def __init__(self, literals: Sequence[frozenset[str] | None]) -> None:
        self._always = [rule for rule, texts in enumerate(literals) if not texts]
        wanted: dict[str, list[int]] = {}
        for rule, texts in enumerate(literals):
            for text in texts or ():
                wanted.setdefault(text, []).append(rule)
        self._set: Any = None
        self._rules_of = list(wanted.values())
        if sum(map(len, wanted)) > MAX_CHARS:
            self._always, wanted = list(range(len(literals))), {}
        if wanted:
            options = re2.Options()
            options.max_mem = MEMORY_BYTES
            options.log_errors = False
            options.literal = True
            self._set = re2.Set.SearchSet(options)
            for text in wanted:
                self._set.Add(text)
            self._set.Compile()

    def rules(self, text: str) -> set[int]:
        """Places of the rules that a row with this text may match. The text is folded."""
        found = set(self._always)
        if self._set is not None:
            for hit in self._set.Match(text) or ():  # None for none
                found.update(self._rules_of[hit])
        return found
