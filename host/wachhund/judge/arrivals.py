"""Connections become sessions; a session that nobody may have wanted becomes an incident."""

import hashlib
from dataclasses import replace

from wachhund.judge import datagrams, doors, interfaces, led_on, logins, standing, turns, unrelayed
from wachhund.judge.door import Door
from wachhund.judge.ends import INSIDE, OUTSIDE, address_hop, apart, leads_out
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.reading_links import LinkFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import MAX_WAITING, RobotState
from wachhund.judge.surfaces import Service, datagram_service_at, is_desktop, is_plumbing, is_proxy, service_at
from wachhund.judge.tracing import Trace, trace
from wachhund.judge.wording import shown

# Owner and peer of a connection are commonly told a moment after it; so long a login's origin may stay open. Seconds.
SETTLE_S = 2.0
ALWAYS_A_SESSION = frozenset({"ssh", "shell", "desktop"})


def flow_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Take a flow as it is known now."""
    told = flow.fact
    if led_on.from_outside(told):
        _led_in(state, fact, flow)
    if told.direction == "through" and told.scope in OUTSIDE:
        _crosses(state, fact, flow)
    if told.own or told.local is None or told.remote is None:
        return
    if told.direction == "in":
        _accepted(state, fact, flow)
    elif told.scope in INSIDE:
        other = state.memory.flows.mate(flow)
        if other is not None and other.fact.direction == "in":
            _accepted(state, fact, other)
        elif other is None and told.proto == "udp" and datagram_service_at(told.remote[1]) is not None:
            _datagrams(state, fact, flow)
        session = state.sessions.of_flow(told.flow)
        if session is not None:
            state.sessions.moved(session, flow)
    elif told.scope in OUTSIDE:
        session = state.sessions.of_flow(told.flow)
        if is_desktop(told.exe) and leads_out(flow):
            _called(state, fact, flow)
        elif session is not None:
            state.sessions.moved(session, flow)
        if state.waiting and flow.closed_t is None and leads_out(flow) and not is_proxy(told.exe):
            _look_again(state, fact, flow)


def _datagrams(state: RobotState, fact: Fact, flow: Flow) -> None:
    """A program of the robot speaks to a service that tells no connections of its own."""
    _accepted(state, fact, datagrams.from_service(flow))
    session = state.sessions.of_flow(flow.fact.flow)
    incident = state.incidents.by_id.get(session.incident or "") if session is not None else None
    if session is None or incident is None or session.trace.outer is None or session.carrier != "relay":
        return
    if not session.certain and datagrams.is_passed_on(session.trace.outer, flow):
        session.certain = incident.certain = True
        text = f"What comes from outside goes on to {shown(session.service.name)}, byte for byte, and back."
        incident.story.tell_once(fact.t, f"passed on {session.id}", text)
        standing.relay_standing(state, incident, session)
        state.mark(incident, fact)


def _called(state: RobotState, fact: Fact, flow: Flow) -> None:
    """A shared desktop dials its viewer itself: whoever it called sees and uses it."""
    told = flow.fact
    session = state.sessions.of_flow(told.flow)
    if session is None:
        origin = Trace((address_hop(flow),), str(told.scope), outer=flow)
        port = told.local[1] if told.local else 0
        session = state.sessions.begin(flow, service_at(port, told.exe), port, origin, reference(fact))
        known = state.incident_of(told.puid, told.pid)
        session.incident = known.id if known is not None else None
    state.sessions.moved(session, replace(flow, fact=replace(told, direction="in")))
    judge_session(state, fact, session)


def _crosses(state: RobotState, fact: Fact, crossing: Flow) -> None:
    """It may be the way out of a program with a network of its own, whose login looked like a neighbour's."""
    source = crossing.fact.source
    for session in list(state.sessions.by_id.values()):
        hop = session.address_hop() if session.last_t is None and session.carrier == "lan" else None
        if hop is None or source is None or hop["address"] != source[0]:
            continue
        if session.service.surface not in ALWAYS_A_SESSION:
            continue
        for flow_id in list(session.counts):
            flow = state.memory.flows.by_id.get(flow_id)
            if flow is not None and apart(state.memory, flow) is not None:
                _traced_anew(state, fact, session, flow)
                break


def _traced_anew(state: RobotState, fact: Fact, session: Session, flow: Flow) -> None:
    origin = trace_of(state, flow)
    state.sessions.become(session, session.service, session.port, origin, session.address)
    judge_session(state, fact, session)


def _look_again(state: RobotState, fact: Fact, outer: Flow) -> None:
    """At the logins that a new connection to the outside may be behind."""
    kin = set(state.memory.processes.family(outer.fact.puid))
    for name in [name for name in state.waiting if _client(state, name) in kin]:
        _again(state, fact, name)


def _led_in(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Somebody of the internet reaches a board behind the robot."""
    session, target = state.sessions.of_flow(flow.fact.flow), flow.fact.target
    if session is None:
        service = led_on.service_of(flow.fact)
        if service is None or target is None:
            return
        session = state.sessions.begin(flow, service, target[1] or 0, led_on.origin(flow), reference(fact), target[0])
    state.sessions.moved(session, flow)
    judge_session(state, fact, session)


def service_of(state: RobotState, flow: Flow) -> Service | None:
    """The service that accepted a flow; None for datagrams and look-ups that are nobody's control."""
    if flow.fact.proto not in (None, "tcp"):
        return datagram_service_at(flow.fact.local[1]) if flow.fact.proto == "udp" and flow.fact.local else None
    listener = state.memory.listeners.at(flow.fact.local)
    port = flow.fact.local[1] if flow.fact.local else 0
    exe = (listener.exe if listener else None) or flow.fact.exe
    return None if is_plumbing(port, exe) else service_at(port, exe)


def trace_of(state: RobotState, flow: Flow) -> Trace:
    """The origin of an accepted flow."""
    return trace(state.memory, flow, state.relays, state.within)


def _accepted(state: RobotState, fact: Fact, flow: Flow) -> None:
    mate = state.memory.flows.mate(flow)
    if mate is not None and mate.fact.own:
        return
    session = state.sessions.of_flow(flow.fact.flow)
    if session is None:
        if flow.closed_t is not None and flow.closed_t < state.newest_t - SETTLE_S * 60:
            return
        session = _new_session(state, fact, flow)
        if session is None:
            return
    elif not session.trace.settled or session.carrier == "unknown":
        session_trace = trace_of(state, flow)
        if session_trace.hops != session.trace.hops:
            state.sessions.become(session, session.service, session.port, session_trace, session.address)
    state.sessions.moved(session, flow)
    logins.own(state, session, flow)
    judge_session(state, fact, session)
    if state.unclaimed and session.service.surface == "ssh":
        doors.visitor_came(state)


def _new_session(state: RobotState, fact: Fact, flow: Flow) -> Session | None:
    service = service_of(state, flow)
    if service is None:
        return None
    port = flow.fact.local[1] if flow.fact.local else 0
    origin = trace_of(state, flow)
    inside = flow.fact.scope in INSIDE or apart(state.memory, flow) is not None
    known = origin.carrier == "relay" and origin.door is not None
    by_relay = known and (
        _is_certain(state, origin.door) or turns.were_taken(state.memory, origin.door, origin.outer, port)
    )
    by_proxy = origin.proxied and origin.carrier in OUTSIDE
    by_visitor = origin.within is not None and service.control  # somebody who logged in drives from within
    # Whoever exchanges datagrams with the legs' program steers it (go1.md): by a relay's hand, it is somebody outside.
    by_relay = by_relay or (known and flow.fact.proto == "udp")
    if inside and not (service.surface in ALWAYS_A_SESSION or by_relay or by_proxy or by_visitor):
        return None  # programs of the robot speaking to each other: nobody's session
    if inside and origin.outer is not None and origin.outer.fact.direction == "in":
        outer = state.sessions.of_flow(origin.outer.fact.flow)
        # A proxy's or relay's client is one person: the session reaches further in. An ssh session stays its own.
        if outer is not None and outer.service.surface != "ssh":
            state.sessions.become(outer, service, port, origin)
            state.sessions.join(outer, flow)
            return outer
    return state.sessions.begin(flow, service, port, origin, reference(fact))


def _is_certain(state: RobotState, door: Door | None) -> bool:
    incident = state.incidents.of_process((door.puid,)) if door is not None else None
    return incident is not None and incident.certain


def reference(fact: Fact) -> str:
    """A fact's place in the evidence, as ids are made from it."""
    return hashlib.sha256(repr((fact.robot, *fact.ref)).encode("utf-8", "surrogatepass")).hexdigest()


def judge_session(state: RobotState, fact: Fact, session: Session) -> None:
    """Raise or extend the incident that a session deserves, if it deserves one."""
    known = state.incidents.by_id.get(session.incident or "")
    if session.carrier == "relay":
        through_relay(state, fact, session)
    elif session.trace.within is not None and session.trace.within.door is None and session.carrier != "internet":
        state.waiting.pop(session.id, None)  # a visitor from the local network logs in to himself
    elif session.carrier == "tunnel" and session.service.control:
        interfaces.visitor(state, fact, session)
    elif session.carrier == "internet" and session.service.control:
        unrelayed.from_internet(state, fact, session, known)
    elif session.carrier == "unknown" and session.service.surface in ALWAYS_A_SESSION and known is None:
        if session.id not in state.waiting:
            if len(state.waiting) >= MAX_WAITING:
                _waited(state, next(iter(state.waiting)))
            state.waiting[session.id] = (fact.t + SETTLE_S, fact)
    elif session.carrier == "unknown" and known is not None:
        unrelayed.from_robot(state, fact, session)


def behind_link(state: RobotState, fact: Fact, link: LinkFact) -> None:
    """A tunnel interface was told: who came by it a moment before came through the tunnel."""
    if not link.leads_away or not link.up:
        return
    for session in list(state.sessions.by_id.values()):
        if session.last_t is not None or session.carrier not in OUTSIDE:
            continue
        for flow_id in list(session.counts):
            flow = state.memory.flows.by_id.get(flow_id)
            if flow is not None and state.memory.links.tunnel_of(flow) is not None:
                _traced_anew(state, fact, session, flow)
                break


def settle(state: RobotState, now: float) -> None:
    """Judge the logins whose origin did not become known in time. `now`: host time."""
    for name, (due, _) in list(state.waiting.items()):
        if due <= now and name in state.waiting:
            _waited(state, name)


def _waited(state: RobotState, name: str) -> None:
    """A login has waited long enough for its origin, or too many wait."""
    _, fact = state.waiting[name]
    _again(state, fact, name)  # what was told meanwhile may say more, of whichever process
    state.waiting.pop(name, None)
    session = state.sessions.by_id.get(name)
    if session is not None and session.carrier == "unknown" and session.incident is None:
        unrelayed.from_robot(state, fact, session)


def _client(state: RobotState, name: str) -> str | None:
    """The process that logs in, where no connection of it to the outside was seen yet."""
    session = state.sessions.by_id.get(name)
    door = session.trace.door if session is not None else None
    return door.puid if door is not None else None


def _again(state: RobotState, fact: Fact, name: str) -> None:
    session = state.sessions.by_id.get(name)
    for flow_id in list(session.counts) if session is not None else ():
        flow = state.memory.flows.by_id.get(flow_id)
        if flow is not None and flow.fact.direction == "in":
            _accepted(state, fact, flow)


def through_relay(state: RobotState, fact: Fact, session: Session) -> Incident:
    """A session that comes through a program with an outside connection of its own."""
    state.waiting.pop(session.id, None)
    door, outer = session.trace.door, session.trace.outer
    puid = door.puid if door else None
    incident = state.incidents.by_id.get(session.incident or "") or state.incident_of(puid, door.pid if door else None)
    key = standing.program_key(state, puid, door.exe if door else None)
    incident = incident or state.incidents.of_story(key, fact.t) or _of_service(state, session)
    if incident is None:
        incident = state.incidents.begin(key, fact, "relay", "medium")
    state.incidents.leads_to(incident, (puid,), key)
    if incident.door is None or incident.door.puid != puid:
        incident.door = door
    elif incident.certain:
        session.certain = True
    if outer is not None:
        incident.outer = outer
    state.attach(incident, session)
    standing.tell_session(state, fact, incident, session)
    standing.relay_standing(state, incident, session)
    state.mark(incident, fact)
    return incident


def _of_service(state: RobotState, session: Session) -> Incident | None:
    """The incident of the program that is reached: somebody set it up to be reached."""
    at_port = state.memory.listeners.by_port.get(session.port, {}) if session.address is None else {}
    return state.incidents.of_process(listener.puid for listener in at_port.values())
