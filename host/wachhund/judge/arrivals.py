"""Connections become sessions; a session that nobody may have wanted becomes an incident."""

import hashlib

from wachhund.judge import advice, doors, interfaces, led_on, logins, standing
from wachhund.judge.fact import Fact
from wachhund.judge.incidents import Incident
from wachhund.judge.memory import Flow
from wachhund.judge.reading_network import LinkFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import MAX_WAITING, RobotState
from wachhund.judge.surfaces import Service, datagram_service_at, is_plumbing, service_at
from wachhund.judge.tracing import INSIDE, OUTSIDE, Door, Trace, trace
from wachhund.judge.wording import shown

# Owner and peer of a connection are commonly told a moment after it; so long a login's origin may stay open. Seconds.
SETTLE_S = 2.0
ALWAYS_A_SESSION = frozenset({"ssh", "shell", "desktop"})
MAX_DIRECT = 32  # addresses from the internet with incidents of their own, a surface; more share one


def flow_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Take a flow as it is known now."""
    told = flow.fact
    if led_on.from_outside(told):
        _led_in(state, fact, flow)
    if told.own or told.elsewhere or told.local is None or told.remote is None:
        return
    if told.direction == "in":
        _accepted(state, fact, flow)
    elif told.scope in INSIDE:
        other = state.memory.mate(flow)
        if other is not None and other.fact.direction == "in":
            _accepted(state, fact, other)
        session = state.sessions.of_flow(told.flow)
        if session is not None:
            state.sessions.moved(session, flow)
    elif told.scope in OUTSIDE:
        session = state.sessions.of_flow(told.flow)
        if session is not None:
            state.sessions.moved(session, flow)
        for waiting in list(state.waiting):
            _again(state, fact, waiting)


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
    """The service that accepted a flow; None for datagrams that are nobody's control."""
    if flow.fact.proto not in (None, "tcp"):
        return datagram_service_at(flow.fact.local[1]) if flow.fact.proto == "udp" and flow.fact.local else None
    listener = state.memory.listener_at(flow.fact.local)
    port = flow.fact.local[1] if flow.fact.local else 0
    return service_at(port, (listener.exe if listener else None) or flow.fact.exe)


def trace_of(state: RobotState, flow: Flow) -> Trace:
    """The origin of an accepted flow."""
    return trace(state.memory, flow, state.relays, state.within)


def _accepted(state: RobotState, fact: Fact, flow: Flow) -> None:
    local = flow.fact.local
    mate = state.memory.mate(flow)
    if local is None or is_plumbing(local[1]) or (mate is not None and mate.fact.own):
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
    inside = flow.fact.scope in INSIDE
    by_relay = origin.carrier == "relay" and _is_certain(state, origin.door)
    by_proxy = origin.proxied and origin.carrier in OUTSIDE
    by_visitor = origin.within is not None and service.control  # somebody who logged in drives from within
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
        _direct(state, fact, session, known)
    elif session.carrier == "unknown" and session.service.surface in ALWAYS_A_SESSION and known is None:
        if session.id not in state.waiting:
            if len(state.waiting) >= MAX_WAITING:
                _waited(state, next(iter(state.waiting)))
            state.waiting[session.id] = (fact.t + SETTLE_S, fact)
    elif session.carrier == "unknown" and known is not None:
        _from_loopback(state, fact, session)


def behind_link(state: RobotState, fact: Fact, link: LinkFact) -> None:
    """A tunnel interface was told: who came by it a moment before came through the tunnel."""
    if not link.is_tunnel or not link.up:
        return
    for session in list(state.sessions.by_id.values()):
        if session.last_t is not None or session.carrier not in OUTSIDE:
            continue
        for flow_id in list(session.counts):
            flow = state.memory.flows.get(flow_id)
            if flow is not None and state.memory.tunnel_of(flow) is not None:
                origin = trace_of(state, flow)
                state.sessions.become(session, session.service, session.port, origin, session.address)
                judge_session(state, fact, session)
                break


def settle(state: RobotState, now: float) -> None:
    """Judge the logins whose origin did not become known in time. `now`: host time."""
    for name, (due, _) in list(state.waiting.items()):
        if due <= now and name in state.waiting:
            _waited(state, name)


def _waited(state: RobotState, name: str) -> None:
    """A login has waited long enough for its origin, or too many wait."""
    _, fact = state.waiting.pop(name)
    session = state.sessions.by_id.get(name)
    if session is not None and session.carrier == "unknown" and session.incident is None:
        _from_loopback(state, fact, session)


def _again(state: RobotState, fact: Fact, name: str) -> None:
    session = state.sessions.by_id.get(name)
    for flow_id in list(session.counts) if session is not None else ():
        flow = state.memory.flows.get(flow_id)
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
    at_port = state.memory.listeners.get(session.port, {}) if session.address is None else {}
    return state.incidents.of_process(listener.puid for listener in at_port.values())


def _direct(state: RobotState, fact: Fact, session: Session, known: Incident | None) -> None:
    hop = session.address_hop()
    address = hop["address"] if hop else None
    key = ("direct", str(address))
    incident = known or state.incidents.of_story(key, fact.t) or led_on.incident_of(state, session)
    if incident is None:
        others = sum(
            one.door is None and one.kind in ("remote-control", "remote-viewing")
            for one in state.incidents.by_id.values()
        )
        if others >= MAX_DIRECT:
            key = ("direct", "many")
            incident = state.incidents.of_story(key, fact.t)
        incident = incident or state.incidents.begin(key, fact, standing.use_of(session.service)[0], "high")
    state.attach(incident, session)
    standing.tell_session(state, fact, incident, session)
    gravest = incident.gravest() or session
    kind, word = standing.use_of(gravest.service)
    incident.rise(kind, "high")
    user = f" as {shown(gravest.user)}" if gravest.user else ""
    many = "many addresses" if key[1] == "many" else shown(str(address))
    service = shown(gravest.service.name)
    incident.name(3, f"{word} not allowed: {service}{user} from the internet ({many}){state.on()}")
    incident.rules["behaviour: control surface reached from the internet"] = None
    incident.attack["T1133"] = None
    led_on.tell(state, fact, incident, session)
    incident.advise(2, advice.direct_steps(address))
    state.mark(incident, fact)


def _from_loopback(state: RobotState, fact: Fact, session: Session) -> None:
    door = session.trace.door
    puid, exe = (door.puid, door.exe) if door else (None, None)
    key = ("loopback", session.service.surface, *standing.program_key(state, puid, exe))
    incident = state.incidents.by_id.get(session.incident or "")
    if incident is None and door is not None:
        incident = state.incident_of(door.puid, door.pid)
    incident = incident or state.incidents.of_story(key, fact.t)
    incident = incident or state.incidents.begin(key, fact, "intrusion", "medium")
    if door is not None:
        state.incidents.leads_to(incident, (door.puid,))
        incident.door = incident.door or door
    state.attach(incident, session)
    standing.tell_session(state, fact, incident, session)
    user = f" as {shown(session.user)}" if session.user else ""
    who = f"by {state.told_name(door)}" if door else "by a program that was not seen"
    incident.name(0, f"Login from the robot itself: {shown(session.service.name)}{user} {who}{state.on()}")
    incident.rules["behaviour: login from loopback"] = None
    incident.attack["T1021.004"] = None
    for hop in session.trace.hops:
        if hop["hop"] == "unknown":
            incident.unknown[f"Where the login came from: {hop['why']}."] = None
    incident.advise(0, advice.loopback_steps())
    state.mark(incident, fact)
