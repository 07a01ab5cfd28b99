"""Sessions without a relay that nobody may have wanted: straight from the internet, or from the robot itself."""

from wachhund.judge import advice, led_on, standing
from wachhund.judge.fact import Fact
from wachhund.judge.incident import Incident
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

MAX_DIRECT = 32  # addresses from the internet with incidents of their own, a surface; more share one


def from_internet(state: RobotState, fact: Fact, session: Session, known: Incident | None) -> None:
    """A session straight from an address on the internet. `known`: its incident, if it has one."""
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


def from_robot(state: RobotState, fact: Fact, session: Session) -> None:
    """A login by a program of the robot, of which nobody knows where it comes from."""
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
        if hop["hop"] == "unknown" and "left_out" not in hop:
            incident.unknown[f"Where the login came from: {hop['why']}."] = None
    incident.advise(0, advice.loopback_steps())
    state.mark(incident, fact)
