"""Runs the examples that rules carry: observations on which a rule must match, and on which it must not."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.lookout import Lookout
from wachhund.judge.meaning import Example
from wachhund.judge.rule import Rule
from wachhund_evidence import RejectedEvidence, observation_from_line

STEP_S = 0.001  # between two observations of an example that do not say when they were
ROBOT = "example"


@dataclass(frozen=True)
class Tried:
    """One example of a rule. `number`: from 1, among those that must match or among those that must not.

    `wrong`: what is wrong with it, None when it is as it should be.
    """

    rule: Rule
    must_match: bool
    number: int
    wrong: str | None


def try_examples(rules: Iterable[Rule]) -> Iterator[Tried]:
    """Run every example of the rules, each by itself, with the rules that a correlation refers to."""
    given = tuple(rules)
    for rule in given:
        lookout = Lookout(_needed(rule, {one.id: one for one in given}))
        for must_match, examples in ((True, rule.matching), (False, rule.silent)):
            for number, example in enumerate(examples, start=1):
                yield Tried(rule, must_match, number, _wrong(rule, lookout, example, must_match))


def _needed(rule: Rule, by_id: dict[str, Rule]) -> list[Rule]:
    """The rule, and before it what it refers to. Alone, it tells of its own matches."""
    if rule.correlation is None:
        return [replace(rule, feeds_only=False)]
    referred = [by_id[name] for name in dict.fromkeys(rule.correlation.of) if name in by_id]
    return [*(one for each in referred for one in _needed(each, by_id)), replace(rule, feeds_only=False)]


def _wrong(rule: Rule, lookout: Lookout, example: Example, must_match: bool) -> str | None:
    try:
        facts = facts_of(example)
    except ValueError as error:
        return str(error)
    lookout.begin_anew()
    matched = any(match.rule.id == rule.id for match in lookout.look(facts))
    if lookout.unusable:
        return lookout.unusable[0].reason
    if lookout.unreadable:
        return "an observation has a field of the wrong type"
    if matched == must_match:
        return None
    return "does not match" if must_match else "matches"


def facts_of(example: Example) -> list[Fact]:
    """An example as facts. Raises ValueError when it is no observation."""
    facts: list[Fact] = []
    for number, told in enumerate(example):
        t = number * STEP_S
        try:
            line = json.dumps({"t": t, "mono": t, "sensor": "example", **told}, allow_nan=False)
            observation = observation_from_line(line)
        except (RejectedEvidence, TypeError, ValueError) as error:
            raise ValueError(f"not an observation: {error}") from None
        facts.append(Fact(ROBOT, observation.t, None, LineRef(number + 1), observation))
    return facts
