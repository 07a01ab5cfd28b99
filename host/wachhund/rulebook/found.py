"""What of a match is kept: plain values, which another process reads as they were written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.fact import TokenRef
from wachhund.judge.lookout import Match


@dataclass(frozen=True)
class Found:
    """A rule (its id) that matched a fact of a robot (its id). `values`: the row, by column. `ref`: its evidence."""

    robot: str | None
    t: float
    rule: str
    title: str
    level: str
    values: Mapping[str, object]
    ref: TokenRef | None

    @classmethod
    def of(cls, match: Match) -> "Found":
        """The same without the rule and the observation themselves."""
        fact, rule = match.fact, match.rule
        ref = fact.ref if isinstance(fact.ref, TokenRef) else None
        return cls(fact.robot, fact.t, rule.id, rule.title, rule.level, dict(match.values), ref)

    def to_json(self) -> list[Any]:
        """For the inverse below."""
        return [self.robot, self.t, self.rule, self.title, self.level, dict(self.values), self.ref]

    @classmethod
    def from_json(cls, said: list[Any]) -> "Found":
        """What `to_json` gave."""
        robot, t, rule, title, level, values, ref = said
        return cls(robot, t, rule, title, level, values, None if ref is None else TokenRef(*ref))
