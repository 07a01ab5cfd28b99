"""A rule as the judge runs it, the file that it is from, and the pack that it belongs to."""

from dataclasses import dataclass

from wachhund.judge.correlations import Correlation
from wachhund.judge.fact import Ref
from wachhund.judge.meaning import Meaning

CORRELATION = "correlation"  # in the place of a category


@dataclass(frozen=True)
class Rule(Meaning):
    """A rule ready to run. `sql`: conditions on the category's table, one of them is enough; `columns`: what they read.

    `blind`: why it can never match here, None when it can. `literals`: see conversion. `source`: the file it is from.
    `feeds_only`: its matches are not told, they feed a correlation of its file. `cited`: of a correlation that was met,
    what met it.
    """

    id: str
    name: str | None
    source: str
    category: str
    sql: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()
    blind: str | None = None
    literals: frozenset[str] | None = None
    correlation: Correlation | None = None
    feeds_only: bool = False
    cited: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A rule that is not in use, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class RuleFile:
    """What a file holds. Any fault makes all of it unusable."""

    source: str
    rules: tuple[Rule, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class RulePack:
    """Rules in the order of their ids, correlations last, those they refer to first; and what could not be used."""

    rules: tuple[Rule, ...]
    refused: tuple[Refused, ...]
