"""Looks through the robot's cameras and microphones: who, by which way, as sessions of their own."""

from wachhund.judge import arrivals, led_on
from wachhund.judge.door import Door
from wachhund.judge.ends import address_hop, process_hop
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_use import ViewFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import Service, is_proxy
from wachhund.judge.tracing import Trace
from wachhund.judge.typed import End

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
    incident = state.incidents.by_id.get(session.incident or "")
    if incident is not None and session.carrier == "relay" and not _by_proxy(view):
        incident.attack["T1041"] = None  # a program of the robot takes the pictures and sends them out


def _begin(state: RobotState, fact: Fact, view: ViewFact, flow: Flow) -> Session:
    service = _service(view)
    origin = _origin(state, view, flow)
    outgoing = state.memory.flows.by_id.get(view.flow or "")
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
    if _by_proxy(view):
        known = state.memory.flows.by_id.get(view.client_flow or "")
        viewer = view.viewer or (view.candidates[0] if len(view.candidates) == 1 else None)
        return known or _accepted_from(state, view.puid, viewer)
    if view.via == "routed":
        return state.memory.flows.by_id.get(view.flow or "")
    if view.via == "proxy" and is_proxy(view.exe):
        return None  # which of its clients it was is not known
    told = FlowFact(
        name_of(view), puid=view.puid, pid=view.pid, exe=view.exe, user=view.user, existing=view.existing, scope="robot"
    )
    return Flow(told, fact.t, fact.t)


def name_of(view: ViewFact) -> str:
    """The name under which a program's own look is kept: it has no connection."""
    return f"{view.via} {view.camera} {view.puid}"


def _by_proxy(view: ViewFact) -> bool:
    return view.via == "proxy" and bool(view.client_flow or view.viewer or view.candidates)


def _accepted_from(state: RobotState, puid: str | None, viewer: End | None) -> Flow | None:
    flows = [flow for flow in state.memory.flows.of(puid) if flow.fact.remote == viewer]
    return flows[-1] if viewer is not None and flows else None


def _origin(state: RobotState, view: ViewFact, flow: Flow) -> Trace:
    door = Door(view.puid, view.pid, view.exe, view.user)
    if _by_proxy(view):
        way = arrivals.trace_of(state, flow)
        return Trace(
            (*way.hops, process_hop(door, "proxy")), way.carrier, way.door, way.outer, way.within, True, way.settled
        )
    if view.via == "routed":
        known = state.memory.links.tunnel_of(flow) is not None
        return arrivals.trace_of(state, flow) if known else led_on.origin(flow, view.viewer)
    visit = state.within(view.puid, view.pid)
    program = process_hop(door, "program")
    if visit is not None:
        return Trace((*visit.hops, program), visit.carrier, visit.door, visit.outer, visit)
    outer = _to_internet(state, view.puid)
    if outer is None:
        return Trace((program,), "local", door)
    # It takes pictures and is connected to the internet: who holds that other end looks, as far as anybody can tell.
    return Trace((address_hop(outer), process_hop(door, "suspected relay")), "relay", door, outer)


def _to_internet(state: RobotState, puid: str | None) -> Flow | None:
    """The newest connection to the internet that a program, or one of its family, holds."""
    flows = [
        flow
        for member in state.memory.processes.family(puid)
        for flow in state.memory.flows.of(member)
        if flow.fact.scope == "internet" and flow.closed_t is None and not flow.fact.own
    ]
    return max(flows, key=lambda flow: flow.first_t, default=None)
