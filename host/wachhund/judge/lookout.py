"""Runs rules over facts and says what matched, without judging: for hunts, trials and examples.

Rows, conditions and correlations are those of live judging; nothing is concluded from a match.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.judge import boots
from wachhund.judge.fact import Fact, FaultRef
from wachhund.judge.fields import CATEGORIES
from wachhund.judge.glance import Glance
from wachhund.judge.incident_book import IncidentBook
from wachhund.judge.matching import Row, RuleMatcher
from wachhund.judge.reading_flows import FlowFact, read_flow
from wachhund.judge.reading_processes import ProcessFact, read_process
from wachhund.judge.rule import Refused, Rule
from wachhund.judge.sessions import SessionBook
from wachhund.judge.state import RobotState
from wachhund.judge.typed import UnreadableFact
from wachhund.judge.windows import Correlator

_READERS: dict[str, Any] = {
    "process.start": read_process,
    "process.repeat": read_process,
    "flow.open": read_flow,
    "flow.update": read_flow,
    "flow.close": read_flow,
}
# The kinds of observations that the rows of a category are made of, and what its memory needs.
KINDS: Mapping[str, tuple[str, ...]] = {
    "process_creation": ("process.start", "process.repeat", "process.image", "process.exit"),
    "network_connection": ("flow.open", "flow.update", "flow.close"),
    "file_event": ("persistence.change",),
    "dns_query": ("dns.summary",),
}


@dataclass(frozen=True)
class Match:
    """A rule that matched a fact. `values`: the row, by column, as far as there was something."""

    fact: Fact
    rule: Rule
    values: Mapping[str, object]


class Lookout:
    """Rules over the facts of any robots; memory is bounded as the judge's is. `unreadable`: so many facts."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        given = tuple(rules)
        self._matcher = RuleMatcher(given)
        self._correlator = Correlator(given)
        self._robots: dict[str | None, RobotState] = {}
        self.unreadable = 0

    @property
    def unusable(self) -> Sequence[Refused]:
        """Rules that SQLite refused, each with its reason."""
        return self._matcher.unusable

    def begin_anew(self) -> None:
        """Forget all robots."""
        self._robots.clear()
        self.unreadable = 0

    def look(self, facts: Sequence[Fact]) -> list[Match]:
        """What matches in facts, which are given in their order."""
        glance = Glance(self._robots)
        rows: list[Row] = []
        parsed = [self._read(fact) for fact in facts]
        for place, fact in enumerate(facts):
            row = None if isinstance(parsed[place], UnreadableFact) else glance.row(fact, parsed[place])
            if row is not None:
                rows.append((place, *row))
        found = self._matcher.match(rows) if rows else {}
        values = {place: (category, filled) for place, category, filled in rows if place in found}
        matches: list[Match] = []
        for place, fact in enumerate(facts):
            state = self._remember(fact, parsed[place])
            if place in found:
                category, filled = values[place]
                told = dict(zip(CATEGORIES[category].columns, filled, strict=True))
                for rule in self._correlator.alerts(state.windows, fact, found[place], told):
                    shown = {name: value for name, value in told.items() if value is not None}
                    matches.append(Match(fact, rule, shown))
        return matches

    def _read(self, fact: Fact) -> object:
        reader = None if isinstance(fact.ref, FaultRef) else _READERS.get(fact.observation.kind)
        try:
            return reader(fact.observation.fields) if reader is not None else None
        except UnreadableFact as error:
            self.unreadable += 1
            return error

    def _remember(self, fact: Fact, parsed: object) -> RobotState:
        state = self._robots.get(fact.robot)
        if state is None:
            state = RobotState(fact.robot, None, SessionBook(fact.robot), IncidentBook(fact.robot))
            self._robots[fact.robot] = state
        boots.turn(state, fact)
        if fact.t > state.newest_t:
            state.newest_t = fact.t
            state.memory.forget(fact.t)
        kind = fact.observation.kind
        if kind == "process.start" and isinstance(parsed, ProcessFact):
            parsed.told_t = fact.t
            state.memory.processes.started(parsed)
        elif kind == "process.exit" and isinstance(puid := fact.observation.fields.get("puid"), str):
            state.memory.processes.exited(puid, fact.t)
        elif isinstance(parsed, FlowFact):
            state.memory.flows.told(parsed, fact.t, kind == "flow.close")
        return state
