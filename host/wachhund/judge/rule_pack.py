"""Rules of many files become one pack: each id once, and correlations with the rules that they refer to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from wachhund.judge.fields import CATEGORIES
from wachhund.judge.rule import Refused, Rule, RuleFile, RulePack
from wachhund.judge.rule_file import one_line


def pack_of(files: Iterable[RuleFile]) -> RulePack:
    """The rules of many files together: each id once, and correlations with the rules that they refer to."""
    rules: dict[str, Rule] = {}
    refused: list[Refused] = []
    for file in files:
        refused += [Refused(file.source, fault) for fault in file.faults]
        for rule in file.rules:
            if rule.id in rules:
                refused.append(Refused(file.source, f"the id {rule.id} is taken by {rules[rule.id].source}"))
            else:
                rules[rule.id] = rule
    simple = {name: rule for name, rule in rules.items() if rule.correlation is None}
    names: dict[str, str] = {}
    for rule in rules.values():
        if rule.name is not None and names.setdefault(rule.name, rule.id) != rule.id:
            refused.append(Refused(rule.source, f"the name {one_line(rule.name)} is taken: refer to its id"))
    ready = dict(simple)
    waiting = {name: rule for name, rule in rules.items() if rule.correlation is not None}
    for name in _in_order(waiting, ready.keys(), names):
        ready[name] = _resolved(waiting.pop(name), names)
    refused += [Refused(rule.source, _why_unresolved(rule, ready, names)) for _, rule in sorted(waiting.items())]
    correlations = [rule for rule in ready.values() if rule.correlation is not None]
    kept, wrong = _fitting(correlations, ready)
    told = _heard([*(simple[name] for name in sorted(simple)), *kept])
    return RulePack(tuple(told), (*refused, *wrong))


def _heard(rules: Sequence[Rule]) -> list[Rule]:
    """Rules that only feed a correlation tell their own matches where that is not in use, or can never be met."""
    fed = {
        (rule.source, name)
        for rule in rules
        if rule.correlation is not None and rule.blind is None and not rule.correlation.generate
        for name in rule.correlation.of
    }
    return [
        replace(rule, feeds_only=False) if rule.feeds_only and (rule.source, rule.id) not in fed else rule
        for rule in rules
    ]


def _in_order(waiting: Mapping[str, Rule], ready: Collection[str], names: Mapping[str, str]) -> list[str]:
    """Ids, each after those that it refers to; without those that refer to what is not there, or back."""
    missing: dict[str, set[str]] = {}
    referring: dict[str, list[str]] = {}
    for name, rule in waiting.items():
        ids = {names.get(one, one) for one in (rule.correlation.of if rule.correlation is not None else ())}
        missing[name] = {one for one in ids if one not in ready}
        for one in missing[name]:
            referring.setdefault(one, []).append(name)
    order: list[str] = []
    found = sorted(name for name, ids in missing.items() if not ids)
    while found:
        order += found
        met = [(by, name) for name in found for by in referring.get(name, ())]
        for by, name in met:
            missing[by].discard(name)
        found = sorted({by for by, _ in met if not missing[by]})
    return order


def _resolved(rule: Rule, names: Mapping[str, str]) -> Rule:
    """A correlation with ids in the place of names."""
    correlation = rule.correlation
    if correlation is None:
        return rule
    ids = {name: names.get(name, name) for name in correlation.of}
    aliases = {
        alias: {names.get(name, name): column for name, column in fields.items()}
        for alias, fields in correlation.aliases.items()
    }
    made = replace(correlation, of=tuple(ids[name] for name in correlation.of), aliases=aliases)
    return replace(rule, correlation=made)


def _why_unresolved(rule: Rule, ready: dict[str, Rule], names: dict[str, str]) -> str:
    referred = rule.correlation.of if rule.correlation is not None else ()
    missing = [one_line(one) for one in referred if names.get(one, one) not in ready]
    return f"refers to {', '.join(missing)}: no such rule is in use (or it refers back)"


def _fitting(correlations: Sequence[Rule], ready: dict[str, Rule]) -> tuple[list[Rule], list[Refused]]:
    """Correlations whose fields exist, each with the reason why it can't match if one it needs can't."""
    kept: list[Rule] = []
    wrong: list[Refused] = []
    gone: set[str] = set()
    for rule in correlations:
        correlation = rule.correlation
        if correlation is None:
            continue
        missing = [
            f"{name}: {ready[one].title} has no such field"
            for one in dict.fromkeys(correlation.of)
            for name in (*correlation.group_by, *correlation.counted)
            if not _has(ready[one], correlation.column(name, one))
        ]
        if missing or gone & set(correlation.of):
            wrong.append(Refused(rule.source, "; ".join(missing) or "refers to a correlation that is not in use"))
            gone.add(rule.id)
            continue
        blind = [one for one in dict.fromkeys(correlation.of) if ready[one].blind is not None]
        different = len(set(correlation.of))
        wanted = min(correlation.threshold, different) if correlation.type.startswith("temporal") else 1
        if len(blind) > different - wanted:
            why = f"refers to {ready[blind[0]].title}, which can't match: {ready[blind[0]].blind}"
            rule = ready[rule.id] = replace(rule, blind=why)
        kept.append(rule)
    return kept, wrong


def _has(rule: Rule, column: str) -> bool:
    known = CATEGORIES.get(rule.category)
    return column in known.columns if known is not None else True
