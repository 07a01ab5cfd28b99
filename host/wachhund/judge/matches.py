"""Matches of Sigma rules become incidents, or add to the one whose process they stem from."""

from dataclasses import replace

from wachhund.judge import arrivals, logins, standing
from wachhund.judge.door import Door
from wachhund.judge.ends import OUTSIDE, address_hop, leads_out, process_hop
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.meaning import LEVELS
from wachhund.judge.programs import other_name, was_handed_on
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.rule_loading import Rule
from wachhund.judge.state import MAX_RELAYS, RobotState, remember
from wachhund.judge.surfaces import Service, program_name
from wachhund.judge.tracing import Trace
from wachhund.judge.wording import endpoint, seconds, shown

KEPT_S = 1.0  # after which a connection is closed that its program does not keep for the next; of the robot's time
NOTED = LEVELS.index("low")  # below it a match only adds to a story that is already there


def rule_matched(
    state: RobotState, fact: Fact, rule: Rule, door: Door, process: ProcessFact | None, flow: Flow | None
) -> None:
    """Take the match of a rule on a process or on a flow."""
    if rule.surface == "shell" and flow is not None and was_gone(flow.fact.puid):
        return
    # The match may be told after what the program did: then its heir, which runs on as it, is of a story already.
    heir = process.heir if process is not None else None
    incident = state.incident_of(door.puid, door.pid) or state.incidents.of_process((heir,))
    if incident is not None and incident.told is False and rule.label is None:
        incident = None  # an allowed session's: what its visitor does may be none the less a story of its own
    key = ("story", rule.story) if rule.story else ("rule", *standing.program_key(state, door.puid, door.exe))
    if rule.story:
        # A named tunnel is one story a robot, however often it is started.
        incident = state.incidents.of_story(key, fact.t) or incident
    incident = incident or state.incidents.of_story(key, fact.t)
    if incident is None:
        if LEVELS.index(rule.level) < NOTED:
            return
        incident = state.incidents.begin(key, fact, rule.kind, rule.level)
    state.incidents.leads_to(incident, (door.puid, heir), key)
    incident.rise(rule.kind, rule.level)
    is_other_way = incident.certain and incident.door is not None and incident.door.puid not in (door.puid, heir)
    if rule.label is not None and not is_other_way:
        incident.is_named(rule.label, door.puid, rule.links)
    if incident.door is None or (rule.label and not incident.certain):
        incident.door = door
    if flow is not None and flow.fact.scope in OUTSIDE:
        incident.outer = flow
    noted = LEVELS.index(rule.level) >= NOTED
    rank = (2 if rule.label else 0) if noted else -1
    incident.name(rank, f"{shown(rule.title)}: {state.told_name(door)}{state.on()}")
    incident.rules[f"{rule.title} ({rule.id})"] = None
    if rule.label is None:
        incident.matched[rule.title] = rule.level
    incident.attack.update(dict.fromkeys(rule.attack))
    if noted:
        incident.advise(1 if rule.label else 0, rule.advice or DEFAULT_ADVICE)
    incident.story.tell(fact.t, f"rule {rule.id} {door.exe}", _sentence(rule, door, process, flow))
    for ref in rule.cited:
        incident.cite(ref)
    for doubt in rule.falsepositives:
        incident.unknown.setdefault(f"Whether it is this harmless case: {shown(doubt)}")
    if rule.surface == "shell":
        _shell(state, fact, incident, door, flow)
    elif incident.label is not None and incident.sessions:
        standing.relay_standing(state, incident, incident.gravest())
    state.mark(incident, fact)


def was_gone(puid: str | None) -> bool:
    """Whether a process was gone before its start time could be read (protocol.md: `812~10432`).

    Its program may then be the one from which it was forked: each program that a script starts would be a shell for a
    moment, and nobody can type at a shell that is gone so soon.
    """
    return puid is not None and "~" in puid


DEFAULT_ADVICE = (
    "Look at the process and what started it: ps -ef --forest",
    "Ask whoever was logged in at that time.",
    "If it is wanted, say so; if nobody knows it, keep the evidence below and stop it.",
)


def _sentence(rule: Rule, door: Door, process: ProcessFact | None, flow: Flow | None) -> str:
    if rule.correlation is not None:
        span = seconds(rule.correlation.timespan_s)
        return f"{len(rule.cited)} matches within {span} make a pattern. Rule: {shown(rule.title)}."
    if process is not None:
        return f"{logins.told_program(process)}. Rule: {shown(rule.title)}."
    remote = flow.fact.remote if flow is not None else None
    where = f" to {endpoint(*remote)}" if remote else ""
    name = shown(program_name(door.exe)) if door.exe else "A program that was not seen"
    return f"{name} (pid {door.pid}) holds a connection{where}. Rule: {shown(rule.title)}."


def _shell(state: RobotState, fact: Fact, incident: Incident, door: Door, flow: Flow | None) -> None:
    """A reverse shell: the process, or one under it, that holds the connection gives its other end control."""
    if door.puid is not None:
        remember(state.shells, door.puid, incident.id, MAX_RELAYS)
    held = [flow] if flow is not None else list(state.memory.flows.of(door.puid))
    for one in held:
        shell_connection(state, fact, incident, one)


def shell_connection(state: RobotState, fact: Fact, incident: Incident, flow: Flow) -> None:
    """The connection of a reverse shell: a session on the surface `shell`."""
    told = flow.fact
    if told.direction != "out" or told.scope not in OUTSIDE or told.remote is None:
        return
    door = Door(told.puid, told.pid, told.exe, told.user)
    origin = Trace((address_hop(flow), process_hop(door, "program")), str(told.scope), door=door, outer=flow)
    service = Service("shell", "shell", True)
    session = state.sessions.of_flow(told.flow)
    if session is None:
        session = state.sessions.begin(flow, service, told.remote[1], origin, arrivals.reference(fact))
    session.user = told.user or session.user
    incident.door = door
    incident.outer = flow
    state.attach(incident, session)
    standing.tell_session(state, fact, incident, session)
    incident.rise("remote-control", "critical")
    name = other_name(state.memory.processes.by_puid.get(told.puid or ""))
    if name is not None and told.exe is not None:
        incident.attack["T1036"] = None
        text = f"It calls itself {shown(name, 60)}; its file is {shown(told.exe)}."
        incident.story.tell_once(fact.t, f"called {told.puid}", text)
    user = f" as {shown(session.user)}" if session.user else ""
    incident.name(5, f"Remote control not allowed: reverse shell{user} to {endpoint(*told.remote)}{state.on()}")
    state.mark(incident, fact)


def handed_on(state: RobotState, fact: Fact, flow: Flow) -> None:
    """A program took over a connection by exec, and hides its name: a shell for whoever is at the other end.

    Programs that begin anew keep connections that they accepted; one that was dialled for another is a reverse shell's.
    An agent may tell by its old name who holds it; then a connection that goes on for a while after the exec was kept.
    """
    told = flow.fact
    process = state.memory.processes.by_puid.get(told.puid or "")
    # Asked of each fact of a connection: what is true of almost none comes first.
    if process is None or not was_handed_on(process, flow.opened) or other_name(process) is None:
        return
    if told.direction != "out" or not leads_out(flow):
        return
    if told.exe != process.exe:
        if fact.observation.mono < process.mono + KEPT_S:
            return
        told = flow.fact = replace(told, exe=process.exe)
    door = Door(told.puid, told.pid, told.exe, told.user)
    key = ("handed on", *standing.program_key(state, door.puid, door.exe))
    incident = state.incident_of(door.puid, door.pid) or state.incidents.of_story(key, fact.t)
    incident = incident or state.incidents.begin(key, fact, "intrusion", "high")
    state.incidents.leads_to(incident, (door.puid,), key)
    incident.rules["behaviour: connection handed on to a program that hides its name"] = None
    incident.attack.update(dict.fromkeys(("T1059.004", "T1095")))
    incident.advise(0, DEFAULT_ADVICE)
    _shell(state, fact, incident, door, flow)


def shell_of(state: RobotState, flow: Flow) -> Incident | None:
    """The reverse shell's incident that a flow's process belongs to."""
    if not state.shells:
        return None
    puids = [flow.fact.puid, *(puid for _, puid in state.memory.processes.ancestors(flow.fact.puid, flow.fact.pid))]
    for puid in puids:
        found = state.incidents.by_id.get(state.shells.get(puid or "", ""))
        if found is not None:
            return found
    return None
