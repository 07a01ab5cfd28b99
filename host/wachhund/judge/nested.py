"""A tunnel within a tunnel: what one program carries goes through another one of the robot. Both are one story."""

from wachhund.judge import standing
from wachhund.judge.ends import carrier_of
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

_WAYS = ("tunnel", "relay", "remote-viewing", "remote-control")


def flow_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Take a connection within the robot, of which both ends may be known by now."""
    ends = (flow, state.memory.flows.mate(flow))
    flow = next((one for one in ends if one is not None and one.fact.direction == "out"), flow)
    carrier = carrier_of(state.memory, flow) if flow.fact.puid is not None else None
    if carrier is None:
        return
    outer, inner = state.incidents.of_process((carrier.puid,)), state.incidents.of_process((flow.fact.puid,))
    if outer is None or inner is None or outer is inner or not (_is_way(outer) and _is_way(inner)):
        return
    name = f"{shown(inner.label, 60)}" if inner.label else state.told_name(inner.door)
    through = f"{shown(outer.label, 60)}" if outer.label else state.told_name(outer.door)
    rise = inner.kind, inner.level
    state.incidents.join(outer, inner)
    outer.rise(*rise)
    outer.story.tell_once(fact.t, f"through {flow.fact.flow}", f"{name} goes through {through}: one way in.")
    if outer.sessions:
        standing.relay_standing(state, outer, outer.gravest())
    inner.story.tell_once(fact.t, "joined", f"This goes through {through}, and is told there: incident {outer.id}.")
    state.mark(outer, fact)


def program_told(state: RobotState, fact: Fact, puid: str) -> None:
    """A program became an incident's: its connections within the robot may have been told before."""
    for flow in list(state.memory.flows.of(puid)):
        flow_told(state, fact, flow)


def _is_way(incident: Incident) -> bool:
    """Whether an incident is about a way in, and tells its own story still."""
    return incident.kind in _WAYS and incident.door is not None and incident.joined is None
