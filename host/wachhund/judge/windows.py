"""Follows Sigma correlations, fact by fact, for each robot by itself.

Time is that of the facts. What comes late (a backlog) counts as far as what it goes with is still kept. A correlation
that was met begins anew: a flood of 1,000 matches of a rule with `gte: 10` tells of it 100 times, not 991.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wachhund.judge.correlations import Correlation
from wachhund.judge.fact import Fact, Ref
from wachhund.judge.rule import Rule

# Facts kept for all correlations of a robot together, some 300 bytes each; the group that was quiet longest goes first.
MAX_KEPT = 8_192
MAX_KEY_CHARS = 128  # of a value that is counted; a longer one is kept as its hash

Seen = tuple[float, Ref]


@dataclass(slots=True)
class Windows:
    """What is kept of one robot. `groups`: correlation and group -> what was seen -> when and where."""

    groups: dict[str, dict[str, list[Seen]]] = field(default_factory=dict)
    kept: int = 0

    def forget(self, from_t: float, to_t: float) -> None:
        """Take out what was seen in a span that was erased."""
        for group in self.groups.values():
            for what in list(group):
                left = [seen for seen in group[what] if not from_t <= seen[0] <= to_t]
                if len(left) < len(group[what]):
                    self.kept -= len(group[what])
                    # A chain that lost a link is no chain.
                    group[what] = left if what == "" else []
                    self.kept += len(group[what])
                if not group[what]:
                    del group[what]
        self.groups = {name: group for name, group in self.groups.items() if group}


class Correlator:
    """The correlations of a set of rules. `max_kept`: facts kept of a robot."""

    def __init__(self, rules: Iterable[Rule], max_kept: int = MAX_KEPT) -> None:
        self._max_kept = max_kept
        # Those that refer to other correlations come after them.
        self._correlations = [rule for rule in rules if rule.correlation is not None]
        self._fed = {name for rule in self._correlations if rule.correlation for name in rule.correlation.of}

    def alerts(self, windows: Windows, fact: Fact, rules: Sequence[Rule], values: Mapping[str, object]) -> list[Rule]:
        """What is to be told of the rules that matched a fact: they, unless they only feed correlations; and those."""
        told = [rule for rule in rules if not rule.feeds_only]
        matched = [rule.id for rule in rules if rule.id in self._fed]
        if not matched:
            return told
        for rule in self._correlations:
            correlation = rule.correlation
            if correlation is None:
                continue
            fired = self._follow(windows, rule.id, correlation, fact, matched, values)
            if fired:
                matched.append(rule.id)
                if not rule.feeds_only:
                    told.append(replace(rule, cited=tuple(ref for _, ref in fired)))
        return told

    def _follow(
        self, windows: Windows, name: str, correlation: Correlation, fact: Fact, matched: Sequence[str],
        values: Mapping[str, object],
    ) -> list[Seen]:  # fmt: skip
        groups: dict[str, list[str]] = {}
        for rule in matched:
            if rule in correlation.of:
                key = [str(values.get(correlation.column(one, rule))) for one in correlation.group_by]
                groups.setdefault(f"{name} {_short(key)}", []).append(rule)
        met: list[Seen] = []
        for key_, fed in groups.items():
            group = windows.groups.pop(key_, None) or {}
            before = sum(map(len, group.values()))
            fired = _fed(group, correlation, (fact.t, fact.ref), fed, values)
            if fired:
                windows.kept -= before
                met = fired
                continue
            if group:
                windows.groups[key_] = group
            windows.kept += sum(map(len, group.values())) - before
            while windows.kept > self._max_kept:
                gone = windows.groups.pop(next(iter(windows.groups)))
                windows.kept -= sum(map(len, gone.values()))
        return met


def _fed(
    group: dict[str, list[Seen]], correlation: Correlation, seen: Seen, rules: Sequence[str],
    values: Mapping[str, object],
) -> list[Seen]:  # fmt: skip
    """Take a match into a group. What met the correlation, if this did."""
    if correlation.type == "event_count":
        return _many(group, seen, correlation)
    if correlation.type == "temporal_ordered":
        return _in_order(group, seen, rules, correlation)
    if correlation.type == "temporal":
        return next(filter(None, (_different(group, rule, seen, correlation) for rule in rules)), [])
    counted = [values.get(correlation.column(one, rules[0])) for one in correlation.counted]
    return [] if None in counted else _different(group, _short([str(one) for one in counted]), seen, correlation)


def _many(group: dict[str, list[Seen]], seen: Seen, correlation: Correlation) -> list[Seen]:
    times = group.setdefault("", [])
    place = bisect_right(times, seen[0], key=lambda one: one[0])
    times.insert(place, seen)
    found = _window(times, place, correlation)
    if len(times) >= 2 * correlation.threshold:
        del times[0]
    return found


def _different(group: dict[str, list[Seen]], what: str, seen: Seen, correlation: Correlation) -> list[Seen]:
    """Of each value the newest is kept."""
    known = group.get(what)
    if known is None or known[0][0] <= seen[0]:
        group[what] = [seen]
    seen = group[what][0]
    ordered = sorted((one[0] for one in group.values()), key=lambda one: one[0])
    found = _window(ordered, ordered.index(seen), correlation)
    if not found and len(group) >= 2 * correlation.threshold:
        del group[min(group, key=lambda one: group[one][0][0])]
    return found


def _window(ordered: Sequence[Seen], place: int, correlation: Correlation) -> list[Seen]:
    """As many as are wanted, within the span, `place` among them."""
    wanted = correlation.threshold
    for first in range(max(0, place - wanted + 1), min(place, len(ordered) - wanted) + 1):
        if ordered[first + wanted - 1][0] - ordered[first][0] <= correlation.timespan_s:
            return list(ordered[first : first + wanted])
    return []


def _in_order(group: dict[str, list[Seen]], seen: Seen, rules: Sequence[str], correlation: Correlation) -> list[Seen]:
    """Of each beginning of the order the chain is kept that began last. One fact is one link."""
    last = len(correlation.of) - 1
    for step in range(last, -1, -1):
        if correlation.of[step] not in rules:
            continue
        before = group.get(str(step - 1)) if step else []
        if before is None or (before and not before[-1][0] <= seen[0] <= before[0][0] + correlation.timespan_s):
            continue
        chain = [*before, seen]
        if step == last:
            return chain
        known = group.get(str(step))
        if known is None or known[0][0] <= chain[0][0]:
            group[str(step)] = chain
    return []


def _short(texts: Sequence[str]) -> str:
    key = "\x1f".join(texts)
    return key if len(key) <= MAX_KEY_CHARS else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
