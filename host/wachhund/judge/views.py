"""Looks through the robot's cameras and microphones: who, by which way, as sessions of their own."""

from wachhund.judge import arrivals
from wachhund.judge.fact import Fact
from wachhund.judge.memory import Flow
from wachhund.judge.reading import FlowFact
from wachhund.judge.reading_use import ViewFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import Service, program_name
from wachhund.judge.tracing import OUTSIDE, Door, Trace, outer_flow, process_hop, unknown_hop
from wachhund.judge.typed import End
from wachhund.judge.wording import endpoint, shown

_LISTENING = ("microphone", "alsa")


def view_told(state: RobotState, fact: Fact, view: ViewFact, closed: bool) -> None:
    """Take a `camera.open` or `camera.close`."""
    flow = _flow_of(state, fact, view)
    if flow is None:
        return
    session = state.sessions.of_flow(flow.fact.flow)
    if session is None or session.service.surface not in ("camera", "microphone"):
        session = _begin(state, fact, view, flow)
    if closed and flow.fact.direction != "in":  # an accepted connection tells its end itself
        flow.closed_t = fact.t
        state.sessions.moved(session, flow)
    arrivals.judge_session(state, fact, session)


def _begin(state: RobotState, fact: Fact, view: ViewFact, flow: Flow) -> Session:
    service = _service(view)
    origin = _origin(state, view, flow)
    outgoing = state.memory.flows.get(view.flow or "")
    place = outgoing.fact.remote if view.via == "proxy" and outgoing is not None else None
    address, port = place or (None, 0)
    before = state.sessions.of_flow(flow.fact.flow)
    if before is not None:
        if before.service.surface == "web" and len(before.counts) == 1:
            state.sessions.become(before, service, port, origin, address)
            return before
        state.sessions.leave(before, flow)
    return state.sessions.begin(flow, service, port, origin, arrivals.reference(fact), address)


def _service(view: ViewFact) -> Service:
    listens = view.camera == _LISTENING[0] or view.via == _LISTENING[1]
    return Service("microphone" if listens else "camera", view.camera, True)


def _flow_of(state: RobotState, fact: Fact, view: ViewFact) -> Flow | None:
    """The connection by which the viewer looks: accepted by a proxy, crossing, or none but a program's own."""
    if view.via == "proxy":
        known = state.memory.flows.get(view.client_flow or "")
        viewer = view.viewer or (view.candidates[0] if len(view.candidates) == 1 else None)
        return known or _accepted_from(state, view.puid, viewer)
    if view.via == "routed":
        return state.memory.flows.get(view.flow or "")
    name = f"{view.via} {view.camera} {view.puid}"
    told = FlowFact(
        name, puid=view.puid, pid=view.pid, exe=view.exe, user=view.user, existing=view.existing, scope="robot"
    )
    return Flow(told, fact.t, fact.t)


def _accepted_from(state: RobotState, puid: str | None, viewer: End | None) -> Flow | None:
    flows = [flow for flow in state.memory.flows_of(puid) if flow.fact.remote == viewer]
    return flows[-1] if viewer is not None and flows else None


def _origin(state: RobotState, view: ViewFact, flow: Flow) -> Trace:
    door = Door(view.puid, view.pid, view.exe, view.user)
    if view.via == "proxy":
        way = arrivals.trace_of(state, flow)
        return Trace(
            (*way.hops, process_hop(door, "proxy")), way.carrier, way.door, way.outer, way.within, True, way.settled
        )
    if view.via == "routed":
        return _crossing(flow, view.viewer)
    visit = state.within(view.puid, view.pid)
    program = process_hop(door, "program")
    if visit is not None:
        return Trace((*visit.hops, program), visit.carrier, visit.door, visit.outer, visit)
    outer, _ = outer_flow(state.memory, door, None, {})
    if outer is None or outer.fact.remote is None:
        return Trace((program,), "local", door)
    name = shown(program_name(view.exe)) if view.exe else "the program"
    why = f"whether {name} passes the pictures on by its connection to {endpoint(*outer.fact.remote)} is not known"
    return Trace((unknown_hop(why), program), "unknown", door, outer)


def _crossing(flow: Flow, viewer: End | None) -> Trace:
    """Somebody asks another board; the robot only passes it on."""
    source = flow.fact.source or viewer
    if source is None:
        return Trace((unknown_hop("from where the connection crosses the robot was not told"),), "unknown")
    scope = flow.fact.source_scope
    carrier = scope if scope in OUTSIDE else "unknown"
    return Trace(({"hop": "address", "address": source[0], "port": source[1]},), str(carrier), outer=flow)
