"""What robots told before, as facts for rules: the ledger, read from a moment on in the order of its commits."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wachhund.judge.fact import Fact
from wachhund.judge.lookout import KINDS, Lookout, Match
from wachhund.judge.order import fact_of
from wachhund.judge.prefilter import SHORTEST
from wachhund.judge.rule import Rule
from wachhund.ledger import Ledger
from wachhund.rulebook import shelf
from wachhund_evidence import MisuseError

BATCH = 2_000  # observations read and looked at together: some 50 ms, 10 MB
SIEVED = 25  # batches that are sieved by SQLite at once, where most hold none of the rule's words
MAX_WORDS = 100  # that are looked for in each text
# Before the span that is asked for, so that a program's parent is known, and what a correlation goes with.
WARM_UP_S = 86_400.0
_PLAIN = re.compile("[A-Za-z0-9_./:@-]+")


@dataclass
class Span:
    """What was looked at. `read`: observations, with those before the span. `unreadable`: that no rule could read."""

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
    """Matches since `span.since_t`, of one robot (its id) or of all. `also` gets every fact that a rule may match."""
    lookout = Lookout(rules)
    for facts in _facts(ledger, rules, span, robot):
        also(facts)
        for match in lookout.look(facts):
            if match.fact.t >= span.since_t:
                yield match
        span.unreadable = lookout.unreadable


def _facts(ledger: Ledger, rules: Sequence[Rule], span: Span, robot: str | None) -> Iterator[list[Fact]]:
    kinds = sorted({kind for rule in rules for kind in KINDS.get(rule.category, ())})
    spans = [rule.correlation.timespan_s for rule in rules if rule.correlation is not None]
    spans += [WARM_UP_S for rule in rules if "ParentCommandLine" in rule.columns]
    cursor = ledger.cursor_at(span.since_t - max(spans, default=0.0), robot)
    words = words_of(rules)
    if cursor is None:
        return
    step = BATCH * SIEVED if words else BATCH
    # What comes while the hunt goes on is not waited for.
    for after in range(cursor, ledger.last_observation(), step):
        count, found = ledger.observations_holding(after, after + step, robot, kinds, words)
        span.read += count
        for start in range(0, len(found), BATCH):
            yield [fact_of(stored) for stored in found[start : start + BATCH]]


def words_of(rules: Sequence[Rule]) -> list[str]:
    """Words of which an observation's text in the ledger holds one when a rule matches it; none where nobody knows.

    Only a saving. A rule on connections sees each once, and one on the parent's command needs the parent: for them
    every observation is read.
    """
    words: set[str] = set()
    for rule in rules:
        if rule.correlation is not None:
            continue
        if rule.category == "network_connection" or "ParentCommandLine" in rule.columns:
            return []
        for text in rule.literals or ("",):
            # The text is JSON, and arguments stand apart in it: what is sure is a part without spaces and escapes.
            word = max(_PLAIN.findall(text), key=len, default="")
            if len(word) < SHORTEST:
                return []
            words.add(word)
    return sorted(words) if len(words) <= MAX_WORDS else []
