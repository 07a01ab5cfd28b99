"""What each kind of observation does to what is in mind of a robot: how it is read, and who takes it. A table.

A kind that has no line here is kept in the ledger and seen by rules, where they ask for it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wachhund.judge import (
    arrivals,
    blinding,
    clock,
    commands,
    contacts,
    doors,
    drills,
    echoes,
    guessing,
    interfaces,
    logins,
    matches,
    nested,
    persistence,
    posture,
    programs,
    reaching,
    relays,
    rerun,
    silences,
    standing,
    told_late,
    unusual,
    unusual_volume,
    views,
)
from wachhund.judge.door import Door
from wachhund.judge.egress import more_sent, more_taken
from wachhund.judge.fact import Fact
from wachhund.judge.reading_flows import FlowFact, read_flow
from wachhund.judge.reading_links import LinkFact, read_link
from wachhund.judge.reading_listeners import ListenFact, read_listen
from wachhund.judge.reading_logins import LoginFact, read_failed_logins, read_login
from wachhund.judge.reading_processes import ImageFact, ProcessFact, read_image, read_process
from wachhund.judge.reading_relays import read_relay
from wachhund.judge.reading_use import ViewFact, read_control, read_view
from wachhund.judge.rule import Rule
from wachhund.judge.state import RobotState
from wachhund.ledger.present import begins_a_run
from wachhund_evidence import Observation

Rules = Sequence[Rule]


def _process_started(state: RobotState, fact: Fact, process: ProcessFact, rules: Rules) -> None:
    process.told_t, process.told_mono = fact.t, fact.observation.mono
    known = state.memory.processes.by_puid.get(process.puid)
    programs.told_again(known, process)
    _, process.mono, process.before = programs.ran(known, process, fact.observation.mono)
    state.memory.processes.started(process)
    told_late.start_told(state, fact, process, known is None)
    state.visitors.took(process.pid, process.puid)
    programs.started(state.files, process)
    session, learned = logins.program_started(state, fact, process)
    if session is not None:
        if learned:
            arrivals.judge_session(state, fact, session)
        incident = state.incidents.by_id.get(session.incident or "")
        if incident is not None:
            incident.story.tell_program(fact.t, f"{logins.told_program(process)}.")
            reaching.program_started(state, fact, session, process)
            state.mark(incident, fact)
    door = Door(process.puid, process.pid, process.exe, process.user)
    for rule in rules:
        matches.rule_matched(state, fact, rule, door, process, None)
    if rules:
        nested.program_told(state, fact, process.puid)
    if state.coming_up:
        interfaces.program_told(state)


def _login_told(state: RobotState, fact: Fact, login: LoginFact, _rules: Rules) -> None:
    session = logins.login_told(state, login)
    if state.guesses and login.source is not None:
        known = state.sessions.of_flow(login.flow) if login.flow is not None else None
        guessing.succeeded(state, fact, login.source[0], known)
    if session is not None:
        arrivals.judge_session(state, fact, session)
        incident = state.incidents.by_id.get(session.incident or "")
        if incident is not None:
            state.mark(incident, fact)


def _matched_otherwise(state: RobotState, fact: Fact, parsed: object, rules: Rules) -> None:
    """A match on a fact that names no new process: a repeat, a file's hash that came later, a file written."""
    if not rules:
        return
    fields = fact.observation.fields
    puid, exe = fields.get("puid"), fields.get("exe")
    known = state.memory.processes.by_puid.get(puid) if isinstance(puid, str) else None
    if known is not None:
        door = Door(known.puid, known.pid, known.exe, known.user)
    else:
        door = Door(None, None, exe if isinstance(exe, str) else None, None)
    process = parsed if isinstance(parsed, ProcessFact) else known
    for rule in rules:
        matches.rule_matched(state, fact, rule, door, process, None)


def _flow_told(state: RobotState, fact: Fact, told: FlowFact, rules: Rules) -> None:
    closed = fact.observation.kind == "flow.close"
    known = state.memory.flows.by_id.get(told.flow)
    is_new = known is None
    before_out, before_in = (None, None) if known is None else (known.fact.bytes_out or 0, known.fact.bytes_in or 0)
    old = state.memory.flows.announced_again(told) if state.stale_since is not None else None
    flow = state.memory.flows.told(told, fact.t, closed, fact.observation.mono)
    if old is not None:
        flow.first_t, flow.told_hours = old.first_t, old.told_hours
        state.sessions.renamed(old.fact.flow, flow)
    arrivals.flow_told(state, fact, flow)
    state.dials(fact, flow)
    nested.flow_told(state, fact, flow)
    reaching.flow_told(state, fact, flow)
    opens = fact.observation.kind == "flow.open"
    more = more_sent(flow, before_out, opens)
    contacts.flow_told(state, fact, flow, is_new and old is None, (more, more_taken(flow, before_in, opens)))
    unusual.flow_told(state, fact, flow)
    unusual_volume.sent(state, fact, flow, more)
    if told.proto == "icmp":
        echoes.echo_told(state, fact, flow)
    fact_now = flow.fact
    door = Door(fact_now.puid, fact_now.pid, fact_now.exe, fact_now.user)
    for rule in rules:
        matches.rule_matched(state, fact, rule, door, None, flow)
    matches.handed_on(state, fact, flow)
    shell = matches.shell_of(state, flow)
    if shell is not None:
        matches.shell_connection(state, fact, shell, flow)
    session = state.sessions.of_flow(fact_now.flow)
    if session is not None and session.last_t is not None and session.incident is not None:
        incident = state.incidents.by_id.get(session.incident)
        if incident is not None:
            standing.tell_session(state, fact, incident, session)
            state.mark(incident, fact)


def _image_told(state: RobotState, fact: Fact, image: ImageFact, rules: Rules) -> None:
    programs.hashed(state.files, state.memory.processes, image, fact.t)
    if state.undecided:
        unusual.hash_told(state, image, fact.t)
    _matched_otherwise(state, fact, image, rules)


def _listener_opened(state: RobotState, fact: Fact, listener: ListenFact, _rules: Rules) -> None:
    listener.told_t, listener.told_mono = fact.t, fact.observation.mono
    doors.listener_opened(state, fact, listener)
    unusual.listener_told(state, fact, listener)


def _listener_closed(state: RobotState, _fact: Fact, listener: ListenFact, _rules: Rules) -> None:
    state.memory.listeners.closed(listener.local, listener.puid)


def _view_opened(state: RobotState, fact: Fact, view: ViewFact, _rules: Rules) -> None:
    views.view_told(state, fact, view, False)
    state.memory.looks.told(views.name_of(view), fact.observation.mono, False)
    unusual.view_told(state, fact, view)


def _view_closed(state: RobotState, fact: Fact, view: ViewFact, _rules: Rules) -> None:
    views.view_told(state, fact, view, True)
    state.memory.looks.told(views.name_of(view), fact.observation.mono, True)


def _link_told(state: RobotState, fact: Fact, link: LinkFact, _rules: Rules) -> None:
    link.told_t = fact.t
    interfaces.told(state, fact, link)
    arrivals.behind_link(state, fact, link)


def _exited(state: RobotState, fact: Fact, _parsed: None, _rules: Rules) -> None:
    puid = fact.observation.fields.get("puid")
    if isinstance(puid, str):
        state.memory.processes.exited(puid, fact.t)
        state.visitors.exited(puid, fact.t)


def _coverage_told(state: RobotState, fact: Fact, _parsed: None, _rules: Rules) -> None:
    before = state.coverage.sensors()
    state.coverage.told(fact.observation.fields)
    blinding.coverage_told(state, fact, before)


def _file_changed(state: RobotState, fact: Fact, parsed: None, rules: Rules) -> None:
    persistence.changed(state, fact)
    _matched_otherwise(state, fact, parsed, rules)


def _agent_began(state: RobotState, fact: Fact, _parsed: None, _rules: Rules) -> None:
    if begins_a_run(fact.observation):
        rerun.began(state, fact)
        state.blinded.clear()  # a new run looks for its sources anew


# What a `config.state` may say, and who takes it: the first that fits.
_STATES: tuple[tuple[Callable[[Observation], bool], Callable[[RobotState, Fact], None]], ...] = (
    (silences.is_tracing, silences.traced),
    (posture.is_enrolment, posture.enrolled),
    (posture.is_finding, posture.found),
    (interfaces.is_routing, interfaces.routes),
    (blinding.is_hiding, blinding.hidden),
)


def _state_told(state: RobotState, fact: Fact, _parsed: None, _rules: Rules) -> None:
    for says, take in _STATES:
        if says(fact.observation):
            take(state, fact)
            return


class Kind(NamedTuple):
    """How a kind of observation is read (raises UnreadableFact), and who takes what was read."""

    read: Callable[[Any], Any]
    take: Callable[[RobotState, Fact, Any, Rules], None]


def _as_it_is(_fields: Any) -> None:
    return None


KINDS: dict[str, Kind] = {
    "process.start": Kind(read_process, _process_started),
    "process.repeat": Kind(read_process, _matched_otherwise),
    "process.image": Kind(read_image, _image_told),
    "process.exit": Kind(_as_it_is, _exited),
    "flow.open": Kind(read_flow, _flow_told),
    "flow.update": Kind(read_flow, _flow_told),
    "flow.close": Kind(read_flow, _flow_told),
    "listen.open": Kind(read_listen, _listener_opened),
    "listen.close": Kind(read_listen, _listener_closed),
    "relay": Kind(read_relay, lambda state, fact, told, _: relays.relay_told(state, fact, told)),
    "login.start": Kind(read_login, _login_told),
    "login.failed": Kind(read_failed_logins, lambda state, fact, told, _: guessing.failed(state, fact, told)),
    "control": Kind(read_control, lambda state, fact, told, _: commands.told(state, fact, told)),
    "camera.open": Kind(read_view, _view_opened),
    "camera.close": Kind(read_view, _view_closed),
    "link.change": Kind(read_link, _link_told),
    "persistence.change": Kind(_as_it_is, _file_changed),
    "coverage": Kind(_as_it_is, _coverage_told),
    "config.state": Kind(_as_it_is, _state_told),
    "clock.step": Kind(clock.read_step, lambda state, fact, told, _: clock.stepped(state, fact, told)),
    "agent.start": Kind(_as_it_is, _agent_began),
    "agent.stop": Kind(_as_it_is, lambda state, fact, _told, _rules: silences.stopped(state, fact)),
    "agent.drill": Kind(_as_it_is, lambda state, fact, _told, _rules: drills.told(state, fact)),
    "agent.pause": Kind(_as_it_is, lambda state, fact, _told, _rules: silences.paused(state, fact)),
}
OTHER = Kind(_as_it_is, _matched_otherwise)
