"""What an accepted baseline does not hold: destinations that are not on the list, listeners, programs at cameras.

Each of these is what an update does, too: alone it is never above medium, and where its program has an incident, it is
a part of that story. Nothing of this is told while no baseline was accepted, but for a port that a program from outside
of the system opens to every network: nobody needs a list to ask about that.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.judge import contacts, usual
from wachhund.judge.door import Door
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.programs import program_of
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.reading_processes import ImageFact
from wachhund.judge.reading_use import ViewFact
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import program_name
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
    state.out.told = 0
    for flow in state.memory.flows.by_id.values():
        flow.weighed = False


def flow_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Take a connection as it is known now."""
    accepted, told = state.accepted, flow.fact
    if accepted is not None and accepted.limited and not flow.weighed and usual.is_destination(told):
        _weigh(state, fact, told, is_last=False)


def listener_told(state: RobotState, fact: Fact, listener: ListenFact) -> None:
    """Take a `listen.open`."""
    if state.accepted is not None:
        if usual.is_door(listener):
            _weigh(state, fact, listener, is_last=False)
        return
    use = _use_of(state, listener)
    # What a visitor opens is told in his story, and a colleague's program is a colleague's.
    if usual.is_new_door(listener, use.program) and state.visit_of(listener.puid, listener.pid) is None:
        _new_door(state, fact, listener, use)


def view_told(state: RobotState, fact: Fact, view: ViewFact) -> None:
    """Take a `camera.open`."""
    if state.accepted is not None and usual.is_own_view(view):
        _weigh(state, fact, view, is_last=False)


def hash_told(state: RobotState, image: ImageFact, now: float) -> None:
    """The hash of a file came: look again at what waits for it. `now`: host time."""
    for due, fact, subject in list(state.undecided.values()):
        process = state.memory.processes.by_puid.get(subject.puid or "")
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
    if accepted is None or (isinstance(subject, FlowFact) and not accepted.limited):
        state.undecided.pop(key, None)
        return
    if isinstance(subject, FlowFact):
        known = state.memory.flows.by_id.get(subject.flow)
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
    if isinstance(subject, FlowFact) and subject.flow in state.memory.flows.by_id:
        state.memory.flows.by_id[subject.flow].weighed = True
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
    program = program_of(state.files, state.memory.processes, subject.puid, subject.exe, state.newest_t)
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
    name = shown(program_name(exe), 60)
    return name if script is None else f"{shown(posixpath.basename(script), 60)} ({name})"


@dataclass(frozen=True)
class _Case:
    """How an incident of one kind of these begins and is called; `many`: when it is one that very many share."""

    kind: str
    level: str
    rule: str
    rank: int
    many: str


_DESTINATION = _Case(
    "tunnel",
    "medium",
    "behaviour: destination that is not on the list",
    1,
    "Many destinations that are not on the list",
)
_LISTENER = _Case("posture", "medium", "behaviour: unusual listener", 0, "Many unusual listeners")
_NEW_DOOR = _Case("posture", "medium", usual.NEW_DOOR, 0, "Many new ports for all networks")
_VIEW = _Case(
    "remote-viewing", "low", "behaviour: unusual program at a camera or microphone", 0,
    "Many unusual programs at cameras or microphones",
)  # fmt: skip


def _incident(
    state: RobotState, fact: Fact, subject: Subject, case: _Case, title: str, stories: Sequence[tuple[str, ...]]
) -> Incident:  # fmt: skip
    """That of the program, where it has one: this is a part of its story then, and its title stays. Else that of one of
    these stories, or a new one."""
    known = state.incident_of(subject.puid, subject.pid)
    if known is not None:
        return known
    book, shared = state.incidents, (stories[0][0], "many")
    incident = next((found for key in stories if (found := book.of_story(key, fact.t)) is not None), None)
    if incident is None and sum(case.rule in one.rules for one in book.by_id.values()) >= MAX_STORIES:
        incident = book.of_story(shared, fact.t) or book.begin(shared, fact, case.kind, case.level)
    incident = incident or book.begin(stories[0], fact, case.kind, case.level)
    for key in stories:
        book.leads_to(incident, story=key)
    incident.rise(case.kind, case.level)
    incident.door = incident.door or Door(subject.puid, subject.pid, subject.exe, subject.user)
    is_shared = incident is book.of_story(shared, fact.t)
    incident.name(case.rank, f"{case.many if is_shared else title}{state.on()}")
    return incident


def _destination(state: RobotState, fact: Fact, told: FlowFact, use: Use, why: str) -> None:
    where = use.name or use.place or "?"
    key = ("destination", *(part or "" for part in use.program.key), where, f"{use.proto} {use.port}")
    title = f"A destination that is not on the list: {_called(use)} to {endpoint(where, use.port)}"
    incident = _incident(state, fact, told, _DESTINATION, title, (key, contacts.story_of(told)))
    incident.outer = incident.outer or state.memory.flows.by_id.get(told.flow)
    incident.rules["behaviour: destination that is not on the list"] = None
    incident.attack["T1071"] = None
    address = f" ({shown(use.place)})" if use.name and use.place else ""
    text = f"{_called(use)} called {endpoint(where, use.port)}{address} by {shown(use.proto)}: {why}."
    _tell(state, fact, incident, use, text)


def _listener(state: RobotState, fact: Fact, told: ListenFact, use: Use, why: str) -> None:
    incident = state.incidents.of_story(("forward", *map(str, told.local)), fact.t)  # of doors: a visitor's
    if incident is None:
        title = f"An unusual listener: {_called(use)} on port {use.port} ({shown(use.proto)})"
        key = ("listener", *(part or "" for part in use.program.key))
        incident = _incident(state, fact, told, _LISTENER, title, (key,))
    incident.rules["behaviour: unusual listener"] = None
    incident.attack["T1571"] = None
    text = f"{_called(use)} listens on {endpoint(*told.local)} ({shown(use.proto)}) for other machines: {why}."
    _tell(state, fact, incident, use, text)


def _new_door(state: RobotState, fact: Fact, told: ListenFact, use: Use) -> None:
    title = f"A new port for all networks: {_called(use)} on port {use.port} ({shown(use.proto)})"
    incident = _incident(
        state, fact, told, _NEW_DOOR, title, (("listener", *(part or "" for part in use.program.key)),)
    )
    incident.rules[usual.NEW_DOOR] = None
    incident.attack["T1571"] = None
    what = f"{_called(use)} began to listen on {endpoint(*told.local)} ({shown(use.proto)})"
    text = f"{what}, for every network of the robot, the modem's too. No baseline was accepted that could hold it."
    _tell(state, fact, incident, use, text)


def _view(state: RobotState, fact: Fact, told: ViewFact, use: Use, why: str) -> None:
    session = state.sessions.of_flow(f"{told.via} {told.camera} {told.puid}")
    incident = state.incidents.by_id.get(session.incident or "") if session is not None else None
    if incident is None:
        title = f"An unusual program at a camera or microphone: {_called(use)} at {shown(told.camera, 60)}"
        key = ("view", *(part or "" for part in use.program.key), told.camera)
        incident = _incident(state, fact, told, _VIEW, title, (key,))
        if session is not None:
            state.attach(incident, session)
    incident.rules["behaviour: unusual program at a camera or microphone"] = None
    _tell(state, fact, incident, use, f"{_called(use)} opened {shown(told.camera, 60)}: {why}.")


def _tell(state: RobotState, fact: Fact, incident: Incident, use: Use, text: str) -> None:
    incident.is_about(use)
    incident.story.tell(fact.t, text, text)
    incident.advise(0, (_LOOK, _ACCEPT, _STRANGE))
    state.mark(incident, fact)
