"""Sigma correlations: what one asks for, read and checked. `windows` follows them fact by fact.

Source: Sigma correlation rules specification 2.1. Counts are compared from below only (`gte`, `gt`): a fact is judged
when it comes, and that few or none came is known at the end of a span only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationConditionOperator, SigmaCorrelationRule

TYPES = ("event_count", "value_count", "temporal", "temporal_ordered")
MAX_THRESHOLD = 256  # facts, values or rules that one correlation waits for: each is kept in memory
MAX_RULES = 64  # that one correlation refers to
MAX_FIELDS = 8  # in group-by, and counted together
MAX_TIMESPAN_S = 31 * 86_400.0


@dataclass(frozen=True)
class Correlation:
    """`of`: the rules referred to, by id or name as written, in their order; after `resolved` by id.

    `threshold`: so many facts (event_count), values (value_count) or different rules (temporal) within `timespan_s`.
    `group_by`, `counted`: columns or aliases. `aliases`: alias -> rule (as in `of`) -> column.
    `generate`: the rules referred to tell of their own matches too.
    """

    type: str
    of: tuple[str, ...]
    timespan_s: float
    group_by: tuple[str, ...]
    threshold: int
    counted: tuple[str, ...]
    aliases: Mapping[str, Mapping[str, str]]
    generate: bool

    def column(self, name: str, rule: str) -> str:
        """The column that a group-by field means for a rule."""
        return self.aliases.get(name, {}).get(rule, name)


def correlation_of(rule: SigmaCorrelationRule) -> Correlation:
    """What a correlation asks for. Raises ValueError with the reason."""
    type_ = rule.type.name.lower()
    if type_ not in TYPES:
        raise ValueError(f"correlation type {type_}: those that are run are {', '.join(TYPES)}")
    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        raise ValueError("a correlation's condition in words is not run: list its rules, and write gte: NUMBER")
    references = [one.reference for one in rule.rules or ()]
    if not references or len(references) > MAX_RULES or not all(isinstance(one, str) for one in references):
        raise ValueError(f"correlation.rules: ids or names of 1 to {MAX_RULES} rules")
    if rule.timespan.seconds > MAX_TIMESPAN_S:
        raise ValueError(f"correlation.timespan {rule.timespan.spec}: at most {MAX_TIMESPAN_S / 86_400:.0f}d")
    field = condition.fieldref or ()
    counted = (field,) if isinstance(field, str) else tuple(field)
    group_by = tuple(rule.group_by or ())
    if max(len(group_by), len(counted)) > MAX_FIELDS or not all(isinstance(one, str) for one in counted):
        raise ValueError(f"correlation: at most {MAX_FIELDS} fields in group-by, and counted")
    threshold = _threshold(condition)
    if type_ == "temporal_ordered":
        if threshold != len(references):
            raise ValueError("temporal_ordered: all of its rules have to match: leave out the condition")
    elif type_ == "temporal" and threshold > len(set(references)):
        raise ValueError(f"temporal: {threshold} of {len(set(references))} rules can never match")
    return Correlation(
        type_, tuple(references), float(rule.timespan.seconds), group_by, threshold,
        counted if type_ == "value_count" else (), _aliases(rule), rule.generate,
    )  # fmt: skip


def _threshold(condition: SigmaCorrelationCondition) -> int:
    count = condition.count
    if condition.op is SigmaCorrelationConditionOperator.GT:
        count += 1
    elif condition.op is not SigmaCorrelationConditionOperator.GTE:
        raise ValueError(
            f"correlation condition {condition.op.name.lower()}: only gte and gt: a fact is judged when it comes"
        )
    if not isinstance(count, int) or not 1 <= count <= MAX_THRESHOLD:
        raise ValueError(f"correlation condition: a whole number from 1 to {MAX_THRESHOLD}")
    return count


def _aliases(rule: SigmaCorrelationRule) -> dict[str, dict[str, str]]:
    made: dict[str, dict[str, str]] = {}
    for alias in rule.aliases:
        fields: dict[Any, Any] = {reference.reference: column for reference, column in alias.mapping.items()}
        if not all(isinstance(name, str) for pair in fields.items() for name in pair):
            raise ValueError(f"correlation.aliases.{alias.alias}: RULE: FIELD")
        made[str(alias.alias)] = fields
    return made
