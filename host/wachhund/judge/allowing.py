"""Authorisations at work: after each fact, and after each act of allowing, what is covered is shown and not alerted.

An incident in which everything is covered stays in mind untold; when something of it is covered no longer, it is told,
with its whole story. One that was told already closes itself, and comes back in the same way.
"""

from wachhund.judge.authorisations import OF_SESSIONS, OF_WAYS, Policy, Visit, carriers_of
from wachhund.judge.incident import ALLOWED, Incident
from wachhund.judge.meaning import LEVELS
from wachhund.judge.sessions import GIVEN_UP, Session
from wachhund.judge.state import RobotState
from wachhund.judge.usual import are_usual
from wachhund.judge.wording import moment, shown
from wachhund.ledger import Authorisation

LISTENER = "behaviour: new listener behind the same door"
START_UP = "behaviour: start-up file changed during a remote session"


def settle(state: RobotState, t: float, policy: Policy) -> None:
    """A fact of that time was taken: hold what it changed against what is allowed, and hand it on to be told."""
    if policy.changes_between(state.policy_t, t):
        rejudge(state, max(state.policy_t, t), policy)
    else:
        state.policy_t = max(state.policy_t, t)
        _settle_changed(state, policy)


def rejudge(state: RobotState, t: float, policy: Policy) -> None:
    """What is allowed changed at that time: hold everything against it that is in mind."""
    state.policy_t = t
    for session in state.every_session():
        if _look_at_session(state, session, policy):
            state.sessions.changed[session.id] = session
    for incident in state.incidents.by_id.values():
        if _look_at_incident(state, incident, policy):
            state.incidents.changed[incident.id] = incident
    _settle_changed(state, policy)


def _settle_changed(state: RobotState, policy: Policy) -> None:
    sessions, incidents = state.sessions, state.incidents
    for session in sessions.changed.values():
        _look_at_session(state, session, policy)
        incident = incidents.by_id.get(session.incident or "")
        if incident is not None and session.given_up:
            incident.unknown.setdefault(GIVEN_UP)
        if incident is not None:
            incidents.changed[incident.id] = incident
    for incident in incidents.changed.values():
        was_told = incident.told
        for session in incident.sessions.values():
            if session.carrier == "relay" and session.tunnel != _tunnel_of(state, session):
                _look_at_session(state, session, policy)
                sessions.changed[session.id] = session
        _look_at_incident(state, incident, policy)
        if incident.told:
            incidents.outgoing[incident.id] = incident
        if incident.told != was_told:
            sessions.changed.update(incident.sessions)  # they name their incident only when it is told
    sessions.outgoing.update(sessions.changed)
    sessions.changed.clear()
    incidents.changed.clear()


def visit_of(state: RobotState, session: Session) -> Visit:
    """A session as authorisations look at it: at its end, or now."""
    hop = session.address_hop()
    carriers = carriers_of(session.carrier, session.tunnel)
    t = state.policy_t if session.last_t is None else session.last_t
    inner = next((hop.get("address") for hop in session.trace.hops if hop["hop"] == "link"), None)
    return Visit(state.robot, session.service.surface, hop["address"] if hop else None, carriers, t, inner)


def _tunnel_of(state: RobotState, session: Session) -> str | None:
    """The name of what a session came through, if a rule named it."""
    incident = state.incidents.by_id.get(session.incident or "")
    if session.carrier == "tunnel":
        link = next((str(hop["name"]) for hop in session.trace.hops if hop["hop"] == "link"), None)
        is_its_own = incident is not None and incident.brings_links and incident.link == link
        return incident.label if incident is not None and is_its_own else link
    door = session.trace.door
    if session.carrier != "relay" or door is None:
        return None
    return state.label_of(incident or state.incident_of(door.puid, door.pid), door)


def way_of(state: RobotState, incident: Incident) -> Visit | None:
    """The way in that an incident is about, whether anybody comes by it or not; None when it is about none."""
    if incident.label is None and not OF_WAYS & incident.rules.keys():
        return None
    hop = next((hop for hop in state.door_origin(incident) if hop["hop"] == "address"), None)
    door = incident.door
    # Its own name, of an interface, is always the way's; one that a rule gave is of a process, maybe another.
    name = incident.label if door is None or incident.label == incident.link else state.label_of(incident, door)
    carriers = carriers_of("relay", name)
    link = state.memory.links.by_name.get(incident.link or "")
    inner = link.inner if link is not None else None
    if incident.brings_links and incident.link is None and not incident.certain:
        hop = None  # nobody can come in by it before its interface stands; often the network within is what is allowed
    return Visit(state.robot, None, hop["address"] if hop else None, carriers, _last_there(state, incident), inner)


def _last_there(state: RobotState, incident: Incident) -> float:
    """When a way in was last there, as far as is known: now, or when its connection or its program ended."""
    outer, door, memory = incident.outer, incident.door, state.memory
    is_connected = outer is not None and outer.closed_t is None and outer.fact.flow in memory.flows.by_id
    if is_connected or (door is not None and door.puid in memory.processes.by_puid):
        return state.policy_t
    return outer.closed_t if outer is not None and outer.closed_t is not None else incident.last_t


def _look_at_session(state: RobotState, session: Session, policy: Policy) -> bool:
    """Take the authorisation that covers a session now. True when that is another than before."""
    session.tunnel = _tunnel_of(state, session)
    before, now = session.authorisation, policy.covering(visit_of(state, session))
    if before == now:
        return False
    session.authorisation = now
    incident = state.incidents.by_id.get(session.incident or "")
    if incident is not None:
        service = f"The session on {shown(session.service.name)} (port {session.port})"
        if now is not None:
            incident.story.tell(state.policy_t, f"allowed {session.id} {now.id}", f"{service} is allowed: {told(now)}.")
        elif before is not None:
            end = f"{service} is allowed no longer: authorisation {before.id} covers it no more."
            incident.story.tell(state.policy_t, f"lapsed {session.id} {before.id}", end)
    return True


def _look_at_incident(state: RobotState, incident: Incident, policy: Policy) -> bool:
    """Tell, keep quiet, close or open again. True when something changed."""
    way = way_of(state, incident)
    usual = are_usual(state.accepted, incident.rules, incident.uses.values(), incident.state == "closed")
    if way is None and not incident.sessions and not usual and incident.close_reason != ALLOWED:
        changed = not incident.told
        incident.told = True
        return changed
    by = policy.covering(way) if way is not None else None
    left = sessions_left(incident) or (way is not None and by is None) or bool(others_left(incident))
    left = left and not usual
    before = (incident.told, incident.state, incident.remains)
    if left:
        incident.told = True
        if incident.state == "closed" and incident.close_reason == ALLOWED:
            incident.state, incident.close_reason, incident.came_back = "open", None, True
            incident.last_t = max(incident.last_t, state.policy_t)
            incident.story.tell(state.policy_t, "allowed no longer", "Not everything in this is allowed any longer.")
    elif not incident.told:
        incident.told = False
    elif incident.state != "closed":
        incident.state, incident.close_reason = "closed", ALLOWED
        named = [session.authorisation for session in incident.sessions.values()] + [by]
        words = "; ".join(dict.fromkeys(told(one) for one in named if one is not None))
        if usual and state.accepted is not None:
            words = f"it is usual by {state.accepted.told()}"
        incident.story.tell(state.policy_t, f"closed {words}", f"Closed by itself: all of this is allowed: {words}.")
    incident.remains = None
    if incident.told and incident.state != "closed" and not sessions_left(incident):
        incident.remains = _remains(state, incident, way is not None and by is None)
    return before != (incident.told, incident.state, incident.remains)


def sessions_left(incident: Incident) -> bool:
    """Whether a session of it is not allowed."""
    return any(session.authorisation is None for session in incident.sessions.values())


def others_left(incident: Incident) -> list[str]:
    """What no authorisation covers: rules that matched what somebody did, a new listener, whatever else."""
    behaviours = [rule for rule in incident.rules if rule.startswith("behaviour: ")]
    return [*incident.matched, *(one for one in behaviours if one not in OF_SESSIONS and one not in OF_WAYS)]


def _remains(state: RobotState, incident: Incident, way_left: bool) -> tuple[str, str, str] | None:
    """Kind, level and title of what is left when its sessions, or its way in, are allowed; None: its own are right."""
    is_about_control = incident.kind in ("remote-control", "remote-viewing")
    if way_left and not is_about_control:
        return None
    if incident.matched:
        title, level = max(incident.matched.items(), key=lambda one: LEVELS.index(one[1]))
        return "intrusion", level, f"{shown(title)}, with a session or tunnel that is allowed{state.on()}"
    if START_UP in incident.rules:
        return "persistence", "medium", f"A start-up file changed while a session was on that is allowed{state.on()}"
    if LISTENER in incident.rules:
        return "tunnel", "medium", f"A new listener behind a session or tunnel that is allowed{state.on()}"
    if not way_left:
        return None
    kind = "tunnel" if incident.label else "relay"
    name = shown(incident.label) if incident.label else f"an unnamed relay ({state.told_name(incident.door)})"
    level = "high" if incident.certain else "medium"
    return kind, level, f"Way in not allowed: {name}, while the session through it is{state.on()}"


def told(one: Authorisation) -> str:
    """An authorisation in a sentence: whose it is, who made it when, until when and why."""
    made = f"made by {shown(one.author)} on {moment(one.made_t)}"
    return f"authorisation {one.id} of {shown(one.who)}, {made}, until {moment(one.until_t)}: {shown(one.why)}"
