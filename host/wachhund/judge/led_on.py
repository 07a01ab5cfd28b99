"""Connections that only cross the robot: from where they come, and what of its firewall's rules leads them on."""

from wachhund.judge.ends import OUTSIDE, unknown_hop
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.incident_book import StoryKey
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import Service, datagram_service_at, service_at
from wachhund.judge.tracing import Trace
from wachhund.judge.typed import End
from wachhund.judge.wording import endpoint

ANY = "any"
SOME = "some"  # ports that the robot can't tell in one word


def rule_key(proto: str | None, port: str | None) -> StoryKey:
    """The story of a rule that leads a port on; None for each."""
    return "forward", proto or ANY, port or ANY


def from_outside(told: FlowFact) -> bool:
    """Whether somebody of the internet reaches a board behind the robot."""
    return told.source is not None and told.source_scope == "internet" and told.scope == "lan"


def service_of(told: FlowFact) -> Service | None:
    """The service of that board, by its port; None when it is nobody's control."""
    if told.target is None or told.target[1] is None:
        return None
    known = datagram_service_at(told.target[1]) if told.proto == "udp" else service_at(told.target[1], None)
    return known if known is not None and known.control else None


def origin(flow: Flow, viewer: End | None = None) -> Trace:
    """Who asks another board; the robot only passes it on."""
    source = flow.fact.source or viewer
    if source is None:
        return Trace((unknown_hop("from where the connection crosses the robot was not told"),), "unknown")
    scope = flow.fact.source_scope
    carrier = scope if scope in OUTSIDE else "unknown"
    return Trace(({"hop": "address", "address": source[0], "port": source[1]},), str(carrier), outer=flow)


def incident_of(state: RobotState, session: Session) -> Incident | None:
    """The incident of the rule that leads a session on, if one was told."""
    told = _led(session)
    if told is None or told.addressed is None:
        return None
    for proto in (told.proto, None):
        for port in (str(told.addressed[1]), SOME, None):
            found = state.incidents.of_story(rule_key(proto, port), float("-inf"))
            if found is not None:
                return found
    return None


def tell(state: RobotState, fact: Fact, incident: Incident, session: Session) -> None:
    """Say by which way a session came, where a rule of the firewall leads it on."""
    told = _led(session)
    if told is None or told.addressed is None or told.target is None:
        return
    door, board = endpoint(*told.addressed), endpoint(*told.target)
    incident.story.tell_once(fact.t, f"led on {door} {board}", f"The robot's firewall leads {door} on to {board}.")
    incident.attack["T1090"] = None
    state.incidents.leads_to(incident, story=rule_key(told.proto, str(told.addressed[1])))


def _led(session: Session) -> FlowFact | None:
    return session.trace.outer.fact if session.trace.outer is not None else None
