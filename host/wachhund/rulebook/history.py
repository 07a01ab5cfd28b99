"""What robots told before, as facts for rules: the ledger, read from a moment on in the order of its commits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wachhund.judge.fact import Fact
from wachhund.judge.lookout import KINDS, Lookout, Match
from wachhund.judge.loop import fact_of
from wachhund.judge.rule import Rule
from wachhund.ledger import Ledger
from wachhund.rulebook import shelf
from wachhund_evidence import MisuseError

BATCH = 2_000  # observations read and looked at together: some 50 ms, 10 MB
# Before the span that is asked for, so that a program's parent is known, and what a correlation goes with.
WARM_UP_S = 86_400.0


@dataclass
class Span:
    """What was looked at. `read`: observations. `unreadable`: those of them that no rule could read."""

    since_t: float
    read: int = 0
    unreadable: int = 0


def open_ledger(data: Path | None) -> Ledger:
    """The host's ledger. Raises MisuseError when there is none."""
    folder = shelf.data_folder(data)
    if not folder.has_ledger():
        raise MisuseError(f"{folder.path} holds no ledger: give the host's --data folder")
    return Ledger.open(folder.ledger)


def seeing(rules: Sequence[Rule], wanted: str) -> Sequence[Rule]:
    """The rules, if one of them can match. Raises MisuseError with the reason."""
    told = [rule for rule in rules if not rule.feeds_only]
    if all(rule.blind is not None for rule in told):
        raise MisuseError(f"{wanted}: can never match here: {told[0].blind if told else 'it holds no rule that tells'}")
    return rules


def look_back(
    ledger: Ledger, rules: Sequence[Rule], span: Span, robot: str | None,
    also: Callable[[Sequence[Fact]], None] = lambda facts: None,
) -> Iterator[Match]:  # fmt: skip
    """Matches since `span.since_t`, of one robot (its id) or of all. `also` gets every fact that is looked at."""
    lookout = Lookout(rules)
    for facts in _facts(ledger, rules, span.since_t, robot):
        also(facts)
        span.read += sum(fact.t >= span.since_t for fact in facts)
        for match in lookout.look(facts):
            if match.fact.t >= span.since_t:
                yield match
        span.unreadable = lookout.unreadable


def _facts(ledger: Ledger, rules: Sequence[Rule], since_t: float, robot: str | None) -> Iterator[list[Fact]]:
    kinds = sorted({kind for rule in rules for kind in KINDS.get(rule.category, ())})
    spans = [rule.correlation.timespan_s for rule in rules if rule.correlation is not None]
    spans += [WARM_UP_S for rule in rules if "ParentCommandLine" in rule.columns]
    cursor = ledger.cursor_at(since_t - max(spans, default=0.0), robot)
    while cursor is not None:
        batch = ledger.observations_after(cursor, BATCH, robot, kinds)
        if not batch:
            return
        cursor = batch[-1].id
        yield [fact_of(stored) for stored in batch]
