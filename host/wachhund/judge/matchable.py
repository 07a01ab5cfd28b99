"""Whether a rule can match at all with what robots tell, and if not, which field stands in its way.

Each comparison is taken by itself: a rule that contradicts itself passes for one that can match.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR
from sigma.types import SigmaExists, SigmaExpansion, SigmaNull, SigmaString, SpecialChars

from wachhund.judge.fields import CATEGORIES, UNTOLD

_ANY = "*"
_OTHER_HASHES = ("md5=", "sha1=", "imphash=")
Possible = tuple[bool, bool]  # can be true, can be false


class Matchable:
    """The rules of one category."""

    def __init__(self, category: str) -> None:
        self._places = CATEGORIES[category].places

    def of(self, condition: Any) -> Possible:
        """Whether a parsed condition can be true, and whether it can be false."""
        if isinstance(condition, ConditionNOT):
            can, can_not = self.of(condition.args[0])
            return can_not, can
        if isinstance(condition, ConditionAND):
            found = [self.of(one) for one in condition.args]
            return all(can for can, _ in found), any(can_not for _, can_not in found)
        if isinstance(condition, ConditionOR):
            found = [self.of(one) for one in condition.args]
            return any(can for can, _ in found), all(can_not for _, can_not in found)
        return self._leaf(condition)

    def _leaf(self, leaf: Any) -> Possible:
        value = leaf.value
        if isinstance(value, SigmaExpansion):
            found = [self._of_value(leaf.field, one) for one in value.values]
            return any(can for can, _ in found), all(can_not for _, can_not in found)
        return self._of_value(leaf.field, value)

    def _of_value(self, field: str, value: Any) -> Possible:
        if field == UNTOLD:
            absent = isinstance(value, SigmaNull) or (isinstance(value, SigmaExists) and not value.exists)
            return absent, not absent
        if isinstance(value, SigmaString):
            pattern = _pattern(value)
            if field == "Hashes" and any(mark in "".join(pattern) for mark in _OTHER_HASHES):
                return False, True
            if field == "TargetFilename" and self._places:
                return any(_overlap(pattern, place) for place in _places(self._places)), True
        return True, True


def why_blind(category: str, asked: Iterable[str], conditions: Iterable[Any]) -> str:
    """The reason for a rule of which no condition can be true, in one line."""
    untold = CATEGORIES[category].untold
    reasons = [f"{name}: {untold[name]}" for name in sorted(asked) if name in untold]
    for condition in conditions:
        for leaf in _leaves(condition):
            if leaf.field == "TargetFilename" and isinstance(leaf.value, SigmaString):
                pattern = _pattern(leaf.value)
                if not any(_overlap(pattern, place) for place in _places(CATEGORIES[category].places)):
                    reasons.append(f"TargetFilename {leaf.value}: no sense watches such a file")
            if leaf.field == "Hashes" and isinstance(leaf.value, SigmaString):
                reasons.append("Hashes: agents tell SHA-256 only")
    return "; ".join(dict.fromkeys(reasons)) or "its conditions exclude each other"


def _leaves(condition: Any) -> Iterator[Any]:
    arguments = getattr(condition, "args", None)
    if arguments is None:
        yield condition
        return
    for one in arguments:
        yield from _leaves(one)


def _pattern(value: SigmaString) -> tuple[str, ...]:
    """Characters and `*`; a wildcard for one character counts as `*`: rather too much than too little."""
    made: list[str] = []
    for part in value.s:
        if isinstance(part, str):
            made.extend(part.lower())
        elif isinstance(part, SpecialChars):
            made.append(_ANY)
    return tuple(made)


@lru_cache(maxsize=8)
def _places(places: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(place.lower().replace("~", _ANY)) for place in places)


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some text fits both patterns, `*` standing for any text."""
    # Row by row over the places in `other` that can be reached: no recursion, however long a rule's text is.
    reached = _skip_any({0}, other)
    for char in one:
        if char == _ANY:
            first = min(reached, default=None)
            reached = set() if first is None else set(range(first, len(other) + 1))
        else:
            stepped = {place for place in reached if place < len(other) and other[place] == _ANY}
            stepped |= {place + 1 for place in reached if place < len(other) and other[place] in (char, _ANY)}
            reached = _skip_any(stepped, other)
        if not reached:
            return False
    return len(other) in reached


def _skip_any(reached: set[int], pattern: tuple[str, ...]) -> set[int]:
    more = set(reached)
    for place in sorted(reached):
        while place < len(pattern) and pattern[place] == _ANY:
            place += 1
            more.add(place)
    return more
