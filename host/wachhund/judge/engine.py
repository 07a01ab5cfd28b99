"""The judge: facts in, what they mean out. Pure: no clock, no I/O; the same facts give the same incidents.

Rules see a micro-batch at once (`matching`), behaviours see fact after fact in order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from wachhund.judge import (
    allowing,
    blinding,
    boots,
    faults,
    forgetting,
    mind,
    rerun,
    silences,
    unusual,
)
from wachhund.judge.authorisations import Policy
from wachhund.judge.fact import Fact, FaultRef, Ref, Told
from wachhund.judge.fields import CATEGORIES
from wachhund.judge.forgetting import Forgotten
from wachhund.judge.glance import Glance
from wachhund.judge.incident_book import IncidentBook
from wachhund.judge.matching import Row, RuleMatcher
from wachhund.judge.rule_loading import Rule
from wachhund.judge.sessions import SessionBook
from wachhund.judge.state import RobotState
from wachhund.judge.taking import KINDS, OTHER
from wachhund.judge.typed import UnreadableFact
from wachhund.judge.usual import Accepted, accepted_of
from wachhund.judge.windows import Correlator
from wachhund.ledger import AuthorisationAct, BaselineAct
from wachhund.ledger.fault_kinds import SILENCED

Failed = Callable[[Told, Exception], None]


@dataclass(frozen=True)
class Judgement:
    """What a batch changed: whole incidents and sessions, as they are now. `unreadable`: facts refused, and why."""

    incidents: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    unreadable: list[tuple[Ref, str]] = field(default_factory=list)


class Judge:
    """Judges the facts of any number of robots, each by itself. `name_of`: robot id -> what people call it."""

    def __init__(self, rules: Iterable[Rule], name_of: Callable[[str], str | None] = lambda robot: None) -> None:
        self.use(rules)
        self._name_of = name_of
        self._robots: dict[str | None, RobotState] = {}
        self._policy = Policy()

    def use(self, rules: Iterable[Rule]) -> None:
        """Judge by these rules from now on."""
        given = tuple(rules)
        self._matcher = RuleMatcher(given)
        self._correlator = Correlator(given)

    @property
    def unusable_rules(self) -> list[Any]:
        """Rules that could be read but not run, each with its reason."""
        return list(self._matcher.unusable)

    @property
    def robots(self) -> set[str]:
        """Whose state is in mind."""
        return {robot for robot in self._robots if robot}

    def feed(self, facts: Sequence[Told], failed: Failed | None = None) -> Judgement:
        """Judge facts, and what was allowed or accepted as usual meanwhile, in their order.

        A fact that cannot be read is named in the result; the others are judged. `failed` is told of each fact at which
        the judge itself fails while it takes it, and the others are judged; without it, that is raised.
        """
        made = Judgement()
        read: list[object] = []
        rows: list[Row] = []
        glance = Glance(self._robots)
        for place, fact in enumerate(facts):
            if not isinstance(fact, Fact):
                read.append(None)
                continue
            kind = OTHER if isinstance(fact.ref, FaultRef) else KINDS.get(fact.observation.kind, OTHER)
            try:
                parsed = kind.read(fact.observation.fields)
            except UnreadableFact as error:
                made.unreadable.append((fact.ref, f"{fact.observation.kind}: {error}"))
                parsed = error
            read.append(parsed)
            row = None if isinstance(fact.ref, FaultRef) else glance.row(fact, parsed)
            if row is not None:
                rows.append((place, *row))
        found = self._matcher.match(rows) if rows else {}
        values = {place: (category, row) for place, category, row in rows if place in found}
        for place, fact in enumerate(facts):
            try:
                if isinstance(fact, AuthorisationAct):
                    self._allow(fact)
                elif isinstance(fact, BaselineAct):
                    one = fact.became
                    self.accept(one.robot, accepted_of(one) if one.ended_by is None else None, fact.t)
                elif not isinstance(read[place], UnreadableFact):
                    told = self._told(fact, found[place], *values[place]) if place in found else ()
                    self._take(fact, read[place], told)
                    allowing.settle(self._robots[fact.robot], fact.t, self._policy)
            except Exception as error:
                if failed is None:
                    raise
                failed(fact, error)  # the caller must not give the others again: they would be taken twice
        return self._changes(made)

    def finish(self) -> Judgement:
        """No more facts will come: judge what waited for some."""
        for state in self._robots.values():
            for _ in boots.each(state):
                boots.settle(state, inf)
            allowing.settle(state, state.policy_t, self._policy)
        return self._changes(Judgement())

    def accept(self, robot: str | None, accepted: Accepted | None, t: float) -> None:
        """From now on (`t`) this is usual on a robot; None: nothing is."""
        state = self._state(robot)
        unusual.accept(state, accepted)
        allowing.rejudge(state, t, self._policy)

    def minds(self, robots: Iterable[str | None]) -> dict[str, bytes | None]:
        """What is in mind of these robots, written down; None for what is too long. Raises UnknownMind."""
        written: dict[str, bytes | None] = {}
        for robot in robots:
            if robot and robot in self._robots:
                try:
                    written[robot] = mind.write(self._robots[robot])
                except mind.HugeMind:
                    written[robot] = None
        return written

    def state_of(self, robot: str) -> RobotState | None:
        """What is in mind of a robot."""
        return self._robots.get(robot)

    def recall(self, states: Mapping[str, RobotState], acts: Iterable[AuthorisationAct] | None = None) -> None:
        """Begin with these states instead of with nothing. `acts`: all that were judged before; None: as they are.

        What was accepted as usual is a part of a robot's state.
        """
        self._robots.clear()
        self._robots.update(states)
        if acts is not None:
            self._policy = Policy()
            for act in acts:
                self._policy.take(act)

    def forget(self, span: Forgotten) -> None:
        """Take what was erased out of mind."""
        self._matcher.forget()
        state = self._robots.get(span.robot)
        if state is not None:
            forgetting.forget(state, span)

    def _told(self, fact: Fact, rules: Sequence[Rule], category: str, values: tuple[object, ...]) -> Sequence[Rule]:
        """The rules that a fact's match tells of: with the correlations that it meets."""
        columns = dict(zip(CATEGORIES[category].columns, values, strict=True))
        return self._correlator.alerts(self._state(fact.robot).windows, fact, rules, columns)

    def _state(self, robot: str | None) -> RobotState:
        state = self._robots.get(robot)
        if state is None:
            name = self._name_of(robot) if robot is not None else None
            state = self._robots[robot] = RobotState(robot, name, SessionBook(robot), IncidentBook(robot))
        return state

    def _allow(self, act: AuthorisationAct) -> None:
        self._policy.take(act)
        for state in self._robots.values():
            allowing.rejudge(state, act.t, self._policy)

    def _take(self, fact: Fact, parsed: Any, rules: Sequence[Rule]) -> None:
        state = self._state(fact.robot)
        if isinstance(fact.ref, FaultRef):
            if fact.observation.fields["what"] == SILENCED:
                boots.fell_silent(state)
            faults.noticed(state, fact)
            return
        observation = fact.observation
        kind = observation.kind
        boots.turn(state, fact)
        self._pass_time(state, fact)
        if kind == "agent.start":
            silences.began(state, fact, state.since_mono < observation.mono)
        KINDS.get(kind, OTHER).take(state, fact, parsed, rules)

    @staticmethod
    def _pass_time(state: RobotState, fact: Fact) -> None:
        if fact.t > state.newest_t:
            state.newest_t = fact.t
            state.memory.forget(fact.t)
            if fact.observation.kind != "agent.start":
                silences.passes(state, fact)
            boots.settle(state, fact.t)
            if state.boots:
                boots.pass_time(state, fact.t)
            if state.blinded:
                blinding.settle(state, fact)
            if state.stale_since is not None:
                rerun.settle(state, fact.t)

    def _changes(self, made: Judgement) -> Judgement:
        for state in self._robots.values():
            if state.boots and boots.come_home(state):  # nobody is told that a session of an earlier boot is open
                allowing.settle(state, state.policy_t, self._policy)
            if state.sessions.outgoing:
                for session in state.sessions.outgoing.values():
                    incident = state.incidents.by_id.get(session.incident or "")
                    quiet = {"incident": None} if incident is not None and not incident.told else {}
                    made.sessions.append({**session.to_json(), **quiet})
                state.sessions.outgoing.clear()
            if state.incidents.outgoing:
                made.incidents.extend(one.to_json(state.door_origin(one)) for one in state.incidents.outgoing.values())
                state.incidents.outgoing.clear()
        return made
