"""What an accepted baseline does not hold: destinations that are not on the list, listeners, programs at cameras.

Each of these is what an update does, too: alone it is never above medium, and where its program has an incident, it is
a part of that story. Nothing of this is told while no baseline was accepted.
"""

import posixpath

from wachhund.judge import contacts, usual
from wachhund.judge.fact import Fact
from wachhund.judge.incidents import Incident
from wachhund.judge.memory import Flow
from wachhund.judge.programs import program_of
from wachhund.judge.reading import FlowFact, ImageFact, ListenFact
from wachhund.judge.reading_use import ViewFact
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import is_proxy, program_name
from wachhund.judge.tracing import Door
from wachhund.judge.usual import Accepted, Use
from wachhund.judge.wording import endpoint, shown

# The hash of a program's file comes after its start, behind those of others: so long (seconds, host time) it is waited
# for before a program counts as another one. And so long until somebody is named who holds a connection.
HASHED_WITHIN_S = 600.0
OWNED_WITHIN_S = 10.0
MAX_UNDECIDED = 1_024
MAX_STORIES = 32  # incidents of one kind of these, a robot; more share one
_LOOK = "Look what the program is, since when it lies there, and who started it."
_ACCEPT = "If it is wanted, accept a new baseline that holds it: wachhund baseline show, then accept."
_STRANGE = "If nobody knows it, keep the evidence below before you change anything, and cut it off."

Subject = FlowFact | ListenFact | ViewFact


def accept(state: RobotState, accepted: Accepted | None) -> None:
    """A baseline counts from now on, or none."""
    state.accepted = accepted
    state.undecided.clear()
    state.out.told = 0
    for flow in state.memory.flows.values():
        flow.weighed = False


def flow_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Take a connection as it is known now."""
    accepted, told = state.accepted, flow.fact
    if accepted is not None and accepted.limited and not flow.weighed and is_destination(told):
        _weigh(state, fact, told, is_last=False)


def is_destination(told: FlowFact) -> bool:
    """Whether a program calls somebody on the internet."""
    return told.direction == "out" and told.scope == "internet" and told.remote is not None and not told.own


def listener_told(state: RobotState, fact: Fact, listener: ListenFact) -> None:
    """Take a `listen.open`."""
    if state.accepted is not None and is_door(listener):
        _weigh(state, fact, listener, is_last=False)


def is_door(listener: ListenFact) -> bool:
    """Whether other machines may come in there. By a datagram port that the kernel gave, answers come."""
    return listener.scope in usual.REACHABLE and not (
        listener.proto == "udp" and listener.local[1] in usual.GIVEN_PORTS
    )


def view_told(state: RobotState, fact: Fact, view: ViewFact) -> None:
    """Take a `camera.open`."""
    if state.accepted is not None and is_own_view(view):
        _weigh(state, fact, view, is_last=False)


def is_own_view(view: ViewFact) -> bool:
    """Whether a program of the robot looks itself, and does not only pass on what somebody else looks at."""
    passes = view.via == "proxy" and bool(view.client_flow or view.viewer or view.candidates or is_proxy(view.exe))
    return view.via != "routed" and not passes


def hash_told(state: RobotState, image: ImageFact, now: float) -> None:
    """The hash of a file came: look again at what waits for it. `now`: host time."""
    for due, fact, subject in list(state.undecided.values()):
        process = state.memory.processes.get(subject.puid or "")
        files = (subject.exe,) if process is None else (process.exe, process.script)
        if (image.exe or image.script) in files:
            _weigh(state, fact, subject, is_last=due <= now)


def settle(state: RobotState, now: float) -> None:
    """Decide what has waited long enough. `now`: host time."""
    for due, fact, subject in list(state.undecided.values()):
        if due <= now:
            _weigh(state, fact, subject, is_last=True)
    state.decide_at = min((due for due, _, _ in state.undecided.values()), default=float("inf"))


def _weigh(state: RobotState, fact: Fact, subject: Subject, is_last: bool) -> None:
    """Hold it against the baseline. `is_last`: with what is known by now."""
    accepted, key = state.accepted, _waits_as(subject)
    if accepted is None:
        return
    if isinstance(subject, FlowFact):
        known = state.memory.flows.get(subject.flow)
        subject = known.fact if known is not None else subject
    use = _use_of(state, subject)
    verdict = usual.weigh(accepted, use)
    nameless = isinstance(subject, FlowFact) and use.program.exe is None
    if (verdict == usual.UNHASHED or nameless) and not is_last:
        first = state.undecided[key][1] if key in state.undecided else fact
        if first is not fact or len(state.undecided) < MAX_UNDECIDED:
            due = first.t + (OWNED_WITHIN_S if nameless else HASHED_WITHIN_S)
            state.undecided[key] = (due, first, subject)
            state.decide_at = min(due, state.decide_at)
            return
    state.undecided.pop(key, None)
    if isinstance(subject, FlowFact) and subject.flow in state.memory.flows:
        state.memory.flows[subject.flow].weighed = True
    if verdict == usual.KNOWN:
        return
    why = _why(accepted, use, verdict)
    if isinstance(subject, FlowFact):
        _destination(state, fact, subject, use, why)
    elif isinstance(subject, ListenFact):
        _listener(state, fact, subject, use, why)
    else:
        _view(state, fact, subject, use, why)


def _waits_as(subject: Subject) -> str:
    if isinstance(subject, FlowFact):
        return f"flow {subject.flow}"
    if isinstance(subject, ListenFact):
        return f"listen {subject.proto} {subject.local} {subject.puid}"
    return f"view {subject.via} {subject.camera} {subject.puid}"


def _use_of(state: RobotState, subject: Subject) -> Use:
    if isinstance(subject, FlowFact):
        return contacts.use_of(state, usual.DESTINATION, subject)
    program = program_of(state.files, state.memory, subject.puid, subject.exe, state.newest_t)
    if isinstance(subject, ListenFact):
        return Use(usual.LISTENER, program, proto=subject.proto or "tcp", port=subject.local[1])
    return Use(usual.VIEW, program, place=subject.camera)


def _why(accepted: Accepted, use: Use, verdict: str) -> str:
    if verdict == usual.OTHER_FILE:
        return f"that program is in {accepted.told()}, but the file by its name holds something else"
    if verdict == usual.UNHASHED:
        return f"that program is in {accepted.told()}, but nobody could tell what the file by its name holds"
    if use.what == usual.DESTINATION and usual.is_elsewhere(accepted, use):
        return f"{accepted.told()} has it for another program only"
    return f"it is not in {accepted.told()}"


def _called(use: Use) -> str:
    exe, script = use.program.key
    if exe is None:
        return "a program that was not seen"
    return f"{shown(posixpath.basename(script), 60)} ({shown(program_name(exe), 60)})" if script else (
        shown(program_name(exe), 60)
    )  # fmt: skip


def _incident(
    state: RobotState, fact: Fact, subject: Subject, kind: str, level: str, rule: str, *stories: tuple[str, ...]
) -> tuple[Incident, bool]:  # fmt: skip
    """That of the program, where it has one, or that of one of these stories; else a new one. And whether it is one of
    many that share it."""
    known = state.incident_of(subject.puid, subject.pid)
    if known is not None:
        return known, False
    shared = (stories[0][0], "many")
    incident = next((found for key in stories if (found := state.incidents.of_story(key, fact.t)) is not None), None)
    if incident is None and sum(rule in one.rules for one in state.incidents.by_id.values()) >= MAX_STORIES:
        incident = state.incidents.of_story(shared, fact.t) or state.incidents.begin(shared, fact, kind, level)
    incident = incident or state.incidents.begin(stories[0], fact, kind, level)
    for key in stories:
        state.incidents.leads_to(incident, story=key)
    incident.rise(kind, level)
    incident.door = incident.door or Door(subject.puid, subject.pid, subject.exe, subject.user)
    return incident, incident is state.incidents.of_story(shared, fact.t)


def _destination(state: RobotState, fact: Fact, told: FlowFact, use: Use, why: str) -> None:
    where = use.name or use.place or "?"
    key = ("destination", *(part or "" for part in use.program.key), where, f"{use.proto} {use.port}")
    rule = "behaviour: destination that is not on the list"
    incident, is_many = _incident(state, fact, told, "tunnel", "medium", rule, key, contacts.story_of(told))
    flow = state.memory.flows.get(told.flow)
    incident.outer = incident.outer or flow
    title = f"A destination that is not on the list: {_called(use)} to {endpoint(where, use.port)}"
    incident.name(1, f"{'Many destinations that are not on the list' if is_many else title}{state.on()}")
    incident.rules["behaviour: destination that is not on the list"] = None
    incident.attack["T1071"] = None
    address = f" ({shown(use.place)})" if use.name and use.place else ""
    text = f"{_called(use)} called {endpoint(where, use.port)}{address} by {shown(use.proto)}: {why}."
    _tell(state, fact, incident, use, text)


def _listener(state: RobotState, fact: Fact, told: ListenFact, use: Use, why: str) -> None:
    key = ("listener", *(part or "" for part in use.program.key))
    forward = ("forward", *map(str, told.local))  # of doors: a visitor's
    rule = "behaviour: unusual listener"
    incident, is_many = _incident(state, fact, told, "posture", "medium", rule, key, forward)
    title = f"An unusual listener: {_called(use)} on port {use.port} ({shown(use.proto)})"
    incident.name(0, f"{'Many unusual listeners' if is_many else title}{state.on()}")
    incident.rules["behaviour: unusual listener"] = None
    incident.attack["T1571"] = None
    text = f"{_called(use)} listens on {endpoint(*told.local)} ({shown(use.proto)}) for other machines: {why}."
    _tell(state, fact, incident, use, text)


def _view(state: RobotState, fact: Fact, told: ViewFact, use: Use, why: str) -> None:
    key = ("view", *(part or "" for part in use.program.key), told.camera)
    session = state.sessions.of_flow(f"{told.via} {told.camera} {told.puid}")
    incident = state.incidents.by_id.get(session.incident or "") if session is not None else None
    is_many = False
    if incident is None:
        rule = "behaviour: unusual program at a camera or microphone"
        incident, is_many = _incident(state, fact, told, "remote-viewing", "low", rule, key)
        if session is not None:
            state.attach(incident, session)
    title = f"An unusual program at a camera or microphone: {_called(use)} at {shown(told.camera, 60)}"
    incident.name(0, f"{'Many unusual programs at cameras' if is_many else title}{state.on()}")
    incident.rules["behaviour: unusual program at a camera or microphone"] = None
    _tell(state, fact, incident, use, f"{_called(use)} opened {shown(told.camera, 60)}: {why}.")


def _tell(state: RobotState, fact: Fact, incident: Incident, use: Use, text: str) -> None:
    incident.is_about(use)
    incident.story.tell(fact.t, text, text)
    incident.advise(0, (_LOOK, _ACCEPT, _STRANGE))
    state.mark(incident, fact)
