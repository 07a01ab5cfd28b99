"""How an incident of a relay stands: kind, level, title, advice and the sentences of its sessions."""

from wachhund.judge import advice
from wachhund.judge.fact import Fact
from wachhund.judge.incident import Incident
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import Service
from wachhund.judge.wording import endpoint, shown

VENDOR = "/home/pi/Unitree/autostart/"
RELAY = "behaviour: relay up"


def program_key(state: RobotState, puid: str | None, exe: str | None) -> tuple[str, ...]:
    """What makes a program that was started again the same story: its file and its arguments."""
    return ("program", exe or "?", *state.memory.processes.command_of(puid))


def is_view(service: Service) -> bool:
    """Whether somebody looks or listens there, and does no more."""
    return service.surface in ("camera", "microphone")


def use_of(service: Service) -> tuple[str, str]:
    """Kind of an incident by what its session reaches, and the words for it."""
    if is_view(service):
        return "remote-viewing", "Remote viewing"
    if service.surface == "web" and service.name == "web":
        return "remote-viewing", "Remote access"  # the robot's page: what is done by it is told by other sessions
    return "remote-control", "Remote control"


def _is_taken(session: Session) -> bool:
    """Whether who reaches it has all of it: a shared desktop tells of no login, and not of what is done by it."""
    return session.service.surface == "desktop"


def disguises(state: RobotState, incident: Incident) -> list[str]:
    """How the program of a relay hides what it is, as ATT&CK calls it."""
    door = incident.door
    process = state.memory.processes.by_puid.get(door.puid or "") if door is not None else None
    exe = (door.exe if door is not None else None) or ""
    found = []
    # Among the vendor's own programs, none of which relays.
    if incident.label is None and exe.startswith(VENDOR) and not exe.startswith(f"{VENDOR}tunnel/"):
        found.append("T1036.005")
    if process is not None and process.argv and process.argv[0].startswith("["):
        found.append("T1036.004")  # only threads of the kernel stand in brackets
    if "memfd:" in exe:
        found.append("T1620")
    elif process is not None and process.deleted:
        found.append("T1070.004")
    return found


def relay_standing(state: RobotState, incident: Incident, session: Session | None, aim: Service | None = None) -> None:
    """Kind, level, title, tags and advice of a relay's incident, from what is known of it now."""
    gravest = incident.gravest()
    if session is not None and gravest is not None and (gravest.certain or not session.certain):
        session = gravest
    outer = incident.outer
    remote = outer.fact.remote if outer is not None else None
    where = f" to {endpoint(*remote)}" if remote else ""
    program = state.told_name(incident.door)
    way = f"through {shown(incident.label, 60)}" if incident.label else f"through an unnamed relay ({program})"
    incident.attack.update(dict.fromkeys(("T1572", "T1090")))
    user = f" as {shown(session.user)}" if session is not None and session.user else ""
    incident.attack.update(dict.fromkeys(disguises(state, incident)))
    aim = session.service if session is not None else aim
    service = shown(aim.name, 60) if aim is not None else ""
    if session is not None and session.certain:
        kind, word = use_of(session.service)
        incident.rise(kind, "critical" if kind == "remote-control" else "high")
        incident.name(5, f"{word} not allowed: {service}{user} {way}{state.on()}")
        incident.rules["behaviour: session through a relay"] = None
    elif session is not None and (session.user is not None or session.commanded is not None or _is_taken(session)):
        incident.rise("remote-control", "high")
        drives = any(one.commanded is not None for one in incident.sessions.values())
        doubt = "" if drives else ", its bytes not weighed yet"
        incident.name(4, f"Remote control not allowed: {service}{user} {way}{doubt}{state.on()}")
        incident.rules["behaviour: login from loopback"] = None
    elif session is not None and is_view(session.service):
        # Pictures move: that is more than an open connection.
        incident.rise("remote-viewing", "high")
        incident.name(4, f"Remote viewing not allowed: {service} {way}{state.on()}")
        incident.rules["behaviour: session through a relay"] = None
    elif session is not None and session.service.surface == "web" and session.service.control:
        incident.rise("remote-control", "medium")
        incident.name(4, f"Remote control not allowed: {service} {way}, its bytes not weighed yet{state.on()}")
        incident.rules["behaviour: short visits in turn, each with a call outside"] = None
    elif incident.certain:
        incident.rise("relay", "high")
        incident.name(3, f"Relay at work: {program} passes on a connection{where}{state.on()}")
    elif incident.kind == "relay":
        opened = f" and opened one to {service}" if service else ""
        incident.name(1, f"Suspected relay: {program} holds a connection{where}{opened}{state.on()}")
    incident.rules[RELAY] = None
    certain = incident.certain or incident.kind == "remote-control"
    incident.advise(2 if certain else 0, advice.relay_steps(incident, certain, remote[0] if remote else None))


def tell_session(state: RobotState, fact: Fact, incident: Incident, session: Session) -> None:
    """The sentences of a session's beginning, its user and its end."""
    hop = session.address_hop()
    origin = f"from {endpoint(hop['address'], hop['port'])}" if hop else "of unknown origin"
    service = f"{shown(session.service.name)} (port {session.port})"
    begun = "was already open when the agent started" if session.existing else "began"
    by = f" through {state.told_name(session.trace.door)}" if session.trace.door else ""
    incident.story.tell(session.first_t, f"session {session.id}", f"A session on {service} {begun}, {origin}{by}.")
    if session.user is not None:
        whose = f"The session on {service} is {shown(session.user)}'s."
        incident.story.tell_once(fact.t, f"user {session.id} {session.user}", whose)
    if session.last_t is not None:
        incident.story.tell(session.last_t, f"end {session.id}", f"The session on {service} ended.")
