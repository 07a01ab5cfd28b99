"""Relay facts: the host weighs the numbers itself, and tells the tunnel from the server and from the sensor's doubt.

The rule and its figures: 20 bits of surprise inwards make a relay, fewer where what comes back agrees as well; 20 bits
outwards alone make telemetry. An agent does not weigh a pair again that it calls a relay: what convinces it has to
convince here.
"""

from wachhund.judge import advice, arrivals, standing
from wachhund.judge.door import Door
from wachhund.judge.ends import INSIDE, unknown_hop
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.reading_relays import RelayFact
from wachhund.judge.sessions import Session, service_hop, with_relay
from wachhund.judge.state import MAX_RELAYS, RobotState, remember
from wachhund.judge.surfaces import Service, is_proxy, program_name, service_at
from wachhund.judge.tracing import Trace
from wachhund.judge.wording import endpoint, seconds, shown

CERTAIN_BITS = 20.0
AGREEING_BITS, ANSWERED_BITS = 15.0, 12.0  # inwards and outwards, enough together
UNCLEAR_BITS = 10.0  # inwards, enough when both directions together have BOTH_BITS; above it nothing is called one-way
BOTH_BITS = 30.0
MAX_RATIO = 24.0  # bytes to the service per bytes from outside, or the reverse: padding does this much, no more
MIN_RATIO_BYTES = 2048
FRESH_DATA_S = 1.0  # an inner connection so soon after outer data was asked for by somebody outside

PIPE_OUTWARDS = "pipe outwards"  # how the sensor says that its two halves are joined in one direction only

RELAY, ONE_WAY, NOT, UNDECIDED = "relay", "one-way-out", "not-a-relay", "undecided"


def weigh(relay: RelayFact) -> str:
    """The host's own verdict from the numbers; a verdict without numbers convinces nobody."""
    coming, going = relay.bits_in or 0.0, relay.bits_out or 0.0
    both = coming >= UNCLEAR_BITS and coming + going >= BOTH_BITS
    certain = coming >= CERTAIN_BITS or (coming >= AGREEING_BITS and going >= ANSWERED_BITS) or both
    if certain and not _lopsided(relay.moved):
        return RELAY
    if going >= CERTAIN_BITS and coming < UNCLEAR_BITS:
        return ONE_WAY
    return NOT if relay.verdict == NOT else UNDECIDED


def _lopsided(moved: tuple[int, int] | None) -> bool:
    return moved is not None and max(moved) >= MIN_RATIO_BYTES and max(moved) > MAX_RATIO * max(min(moved), 1)


def relay_told(state: RobotState, fact: Fact, relay: RelayFact) -> None:
    """Take a relay fact."""
    outer, inner = state.memory.flows.by_id.get(relay.outer), state.memory.flows.by_id.get(relay.inner)
    remote = relay.inner_remote or (inner.fact.remote if inner else None)
    if remote is None or (is_proxy(relay.exe) and (relay.outer_direction == "in" or weigh(relay) != RELAY)):
        return  # a proxy dials on for whoever asks it, to another board as to a local service: only bytes tell more
    service, address = _inner_service(state, inner, remote)
    accepted = relay.outer_direction == "in"
    if accepted and not service.control:
        return  # a server that answers its clients out of a local service (relay.md, figures)
    verdict = weigh(relay)
    puids = tuple(dict.fromkeys(puid for puid in (relay.puid, *relay.family) if puid))
    incident = state.incidents.of_process(puids) or state.incident_of(relay.puid, relay.pid)
    key = standing.program_key(state, relay.puid, relay.exe)
    incident = incident or state.incidents.of_story(key, fact.t)
    if verdict in (UNDECIDED, NOT, ONE_WAY) and incident is None:
        level = _suspicion(relay, service, verdict)
        if level is None:
            return
        incident = state.incidents.begin(key, fact, "relay", level)
    if incident is None:
        incident = state.incidents.begin(key, fact, "relay", "high")
    state.incidents.leads_to(incident, puids, key)
    known = incident.door is not None and incident.door.puid == relay.puid
    incident.door = incident.door if known else Door(relay.puid, relay.pid, relay.exe, relay.user)
    incident.outer = outer or incident.outer
    incident.aim = service_hop(service, remote[1], address)
    process = state.memory.processes.by_puid.get(relay.puid or "")
    if process is not None and relay.deleted:
        process.deleted = True
    remember(state.relays, relay.inner, relay.outer, MAX_RELAYS)
    _tell(fact, incident, relay, outer, service, verdict)
    _listeners_told(state, fact, incident, puids)
    if verdict in (NOT, ONE_WAY):
        _cleared(state, fact, incident)
        return
    session = None
    if verdict == RELAY or incident.certain or service.surface in arrivals.ALWAYS_A_SESSION:
        session = _session(state, fact, relay, outer, inner, service, remote, address)
    # Once shown a relay, a program stays one: its later sessions need no proof of their own.
    incident.certain = incident.certain or verdict == RELAY
    if incident.certain and session is not None and not session.certain:
        session.certain = True
        state.sessions.changed[session.id] = session
    if session is not None:
        state.attach(incident, session)
        standing.tell_session(state, fact, incident, session)
    standing.relay_standing(state, incident, session, service)
    state.mark(incident, fact)


def _suspicion(relay: RelayFact, service: Service, verdict: str) -> str | None:
    """The level of a relay that only its structure shows; None when the structure is too common to speak of."""
    if verdict != UNDECIDED or (relay.outer_direction == "in" and not service.control):
        return None
    if relay.joined_by == PIPE_OUTWARDS:
        return None  # what comes from outside has no way on; if it has one all the same, its bytes show it
    dialled_before = relay.outer_direction == "out" and (relay.outer_age_s or 0.0) > 0.0
    if service.control and (dialled_before or (relay.outer_direction == "in" and service.surface != "web")):
        return "medium"
    asked_for = relay.since_outer_data_s is not None and relay.since_outer_data_s <= FRESH_DATA_S
    return "low" if dialled_before and asked_for else None


def _inner_service(state: RobotState, inner: Flow | None, remote: tuple[str, int]) -> tuple[Service, str | None]:
    """The service that a relay reaches, and its address when it is not on the robot."""
    if inner is not None and inner.fact.scope not in INSIDE:
        return service_at(remote[1], None), remote[0]
    mate = state.memory.flows.mate(inner) if inner is not None else None
    listener = state.memory.listeners.at(remote)
    exe = (listener.exe if listener else None) or (mate.fact.exe if mate else None)
    if exe is None and inner is not None and inner.fact.peer is not None:
        exe = inner.fact.peer.exe
    return service_at(remote[1], exe), None


def _session(
    state: RobotState,
    fact: Fact,
    relay: RelayFact,
    outer: Flow | None,
    inner: Flow | None,
    service: Service,
    remote: tuple[str, int],
    address: str | None,
) -> Session | None:
    """The session on the inner service: the one already known, or a new one."""
    accepted = state.memory.flows.mate(inner) if inner is not None else None
    for flow in (accepted, inner):
        session = state.sessions.of_flow(flow.fact.flow) if flow is not None else None
        if session is not None:
            if outer is not None and (session.carrier != "relay" or session.trace.outer is not outer):
                _through(state, session, relay, outer)
            return session
    flow = accepted or inner
    if flow is None:
        return None
    door = Door(relay.puid, relay.pid, relay.exe, relay.user)
    first = _outer_hop(relay, outer)
    base = Trace((), "relay")
    origin = with_relay(base, outer, door, first, address is None)
    if outer is not None and outer.fact.direction == "in":
        known = state.sessions.of_flow(outer.fact.flow)
        if known is not None and known.service.surface != "ssh":
            state.sessions.become(known, service, remote[1], origin, address)
            state.sessions.join(known, flow)
            return known
    return state.sessions.begin(flow, service, remote[1], origin, arrivals.reference(fact), address)


def _through(state: RobotState, session: Session, relay: RelayFact, outer: Flow) -> None:
    door = Door(relay.puid, relay.pid, relay.exe, relay.user)
    origin = with_relay(session.trace, outer, door, _outer_hop(relay, outer), session.address is None)
    state.sessions.become(session, session.service, session.port, origin, session.address)


def _outer_hop(relay: RelayFact, outer: Flow | None) -> dict[str, object]:
    remote = relay.outer_remote or (outer.fact.remote if outer else None)
    if remote is None:
        return unknown_hop("the relay's outer connection was not told")
    return {"hop": "address", "address": remote[0], "port": remote[1]}


def _tell(fact: Fact, incident: Incident, relay: RelayFact, outer: Flow | None, service: Service, verdict: str) -> None:
    program = shown(program_name(relay.exe)) if relay.exe else "A program that was not seen"
    where = relay.outer_remote or (outer.fact.remote if outer else None)
    held = f"holds a connection to {endpoint(*where)}" if where else "holds an outside connection"
    if relay.outer_direction == "in" and where:
        held = f"accepted a connection from {endpoint(*where)}"
    after = ""
    if relay.since_outer_data_s is not None and relay.since_outer_data_s <= FRESH_DATA_S:
        after = f", {seconds(relay.since_outer_data_s)} after data came in from there"
    pid = f" (pid {relay.pid})" if relay.pid is not None else ""
    first = f"{program}{pid} {held} and has opened one to {shown(service.name)}{after}: suspected relay, watching."
    incident.story.tell_once(fact.t, f"pair {relay.outer} {relay.inner}", first)
    bits = f"{relay.bits_in or 0:.0f} bits inwards, {relay.bits_out or 0:.0f} outwards"
    if relay.timing_bits is not None:
        bits += f", {relay.timing_bits:.0f} by timing"
    words = {
        RELAY: f"The bytes of both connections answer each other ({bits}): {program} is a relay.",
        ONE_WAY: f"Bytes only go out through {program} ({bits}): telemetry or an upload, not control.",
        NOT: f"The bytes of both connections do not answer each other ({bits}): by that, {program} is no relay.",
    }
    if verdict in words:
        incident.story.tell_once(fact.t, f"verdict {relay.outer} {relay.inner} {verdict}", words[verdict])
    if verdict == UNDECIDED:
        incident.unknown.setdefault(UNWEIGHED)
    else:
        incident.unknown.pop(UNWEIGHED, None)


UNWEIGHED = "Whether the bytes of both connections answer each other: too few have moved to tell."


def _listeners_told(state: RobotState, fact: Fact, incident: Incident, puids: tuple[str, ...]) -> None:
    for listener in state.memory.listeners.of(puids):
        where = endpoint(*listener.local)
        incident.story.tell_once(fact.t, f"listens {where}", f"The same program listens on {where}.")


def _cleared(state: RobotState, fact: Fact, incident: Incident) -> None:
    """A suspicion that nothing else bears ends; what has sessions or a rule behind it stays."""
    suspected = incident.kind == "relay" and incident.level in ("low", "medium")
    if suspected and not incident.certain and incident.label is None and not incident.sessions:
        state.mark(incident, fact)
        incident.state, incident.close_reason = "closed", "false-alarm"
        incident.advise(1, ("Nothing to do: the bytes showed that nobody comes in through this program.",))
        return
    incident.advise(0, advice.loopback_steps())
    state.mark(incident, fact)
