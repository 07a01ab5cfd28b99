"""Commands that drive, feed or programme the robot: whose they are, and two who drive at once."""

from wachhund.judge import arrivals, standing, unattended
from wachhund.judge.ends import INSIDE, OUTSIDE, client_of
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.reading_use import ControlFact
from wachhund.judge.sessions import Commanded, Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import is_proxy
from wachhund.judge.tracing import Trace
from wachhund.judge.wording import shown

# The broker tells what was said up to 10 s later, and not by whom; connections are told within a second or two.
TOLD_WITHIN_S = 12.0
SETTLE_S = 3.0
MAX_UNOWNED = 64  # commands that wait for whose they are, a robot
# So long (host time) somebody may still turn out to have sent what was told as nobody's: bytes prove a relay late.
CLAIMED_WITHIN_S = 120.0
MAX_SUSPECTS = 64  # programs at the broker whose origin is asked for at a command; more say no more than "one of many"
# Between two looks, in seconds of host time: a command that none explains waits and is asked about again.
SUSPECTS_EACH_S = 0.25
COMMANDS = ("control", "code")
_ADVICE_TWO = (
    "Stand clear of the robot: commands of two people contradict each other.",
    "Ask both whether they know of each other; end the session that nobody knows.",
)


def told(state: RobotState, fact: Fact, said: ControlFact) -> None:
    """Take a `control`."""
    if said.flow is not None:
        session = state.sessions.of_flow(said.flow)
        # What goes to the broker is no command before the broker says on which topic.
        if session is not None and session.service.control and session.service.surface != "mqtt":
            _commanded(state, fact, session, said)
    elif said.client is not None:
        _of_client(state, fact, said, said.client[0])
    elif (
        (said.meaning in COMMANDS or unattended.moves(said))
        and not said.retained
        and not _explained(state, fact, said, state.newest_t)
    ):
        state.unowned.append((fact.t + SETTLE_S, fact, said))
        if len(state.unowned) > MAX_UNOWNED:
            _, earliest, its = state.unowned.pop(0)
            unattended.told(state, earliest, its, _at_broker(state, earliest))


def _of_client(state: RobotState, fact: Fact, said: ControlFact, address: str) -> None:
    """Somebody of another machine who is named: a node or participant. Told in the session of that address."""
    for session in state.sessions.by_id.values():
        hop = session.address_hop()
        if session.last_t is None and hop is not None and hop["address"] == address:
            _commanded(state, fact, session, said)
            return


def settle(state: RobotState, now: float) -> None:
    """Judge commands whose session did not become known in time. `now`: host time."""
    due = [one for one in state.unowned if one[0] <= now]
    if due:
        state.unowned = [one for one in state.unowned if one[0] > now]
    for _, fact, said in due:
        if not _explained(state, fact, said, now):
            unattended.told(state, fact, said, _at_broker(state, fact))
    del state.of_nobody[:-MAX_UNOWNED]


def claim(state: RobotState, now: float) -> None:
    """Tell commands of nobody as those of a visitor who turned out to have been there. `now`: host time."""
    if now < state.claims_t + SUSPECTS_EACH_S:
        return
    state.claims_t = state.newest_t
    visitors = [
        session
        for session in state.sessions.by_id.values()
        if session.service.surface == "mqtt" and session.authorisation is None and _incident_of(state, session)
    ]
    left = []
    for fact, said in state.of_nobody:
        there = [session for session in visitors if _was_there(session, fact)]
        if there:
            _told_as_theirs(state, fact, said, there)
            unattended.claimed(state, fact, said, there[0])
        elif fact.t >= state.newest_t - CLAIMED_WITHIN_S:
            left.append((fact, said))
    state.of_nobody = left


def _explained(state: RobotState, fact: Fact, said: ControlFact, now: float) -> bool:
    """Whether somebody is known who can have said, or done, it. `now`: host time."""
    if said.meaning in COMMANDS:
        return _owned(state, fact, said, now)
    return any(session.service.control and _was_there(session, fact) for session in state.sessions.by_id.values())


def _was_there(session: Session, fact: Fact) -> bool:
    begun = session.first_t <= fact.t + SETTLE_S
    return begun and (session.last_t is None or session.last_t >= fact.t - TOLD_WITHIN_S)


def _owned(state: RobotState, fact: Fact, said: ControlFact, now: float) -> bool:
    """Whether somebody is known who can have said it; told as theirs."""
    there = [
        session
        for session in state.sessions.by_id.values()
        if session.service.surface == "mqtt" and _was_there(session, fact)
    ]
    if not there and now - state.suspects_t >= SUSPECTS_EACH_S:
        state.suspects_t = state.newest_t
        there = _suspects(state, fact)
    _told_as_theirs(state, fact, said, there)
    return bool(there)


def _told_as_theirs(state: RobotState, fact: Fact, said: ControlFact, there: list[Session]) -> None:
    """Of one who was there, or of one of several."""
    if len(there) == 1:
        _commanded(state, fact, there[0], said)
    for session in there[:2] if len(there) > 1 else ():
        incident = _incident_of(state, session)
        if incident is not None:
            text = (
                f"{unattended.what(said)}: by this visitor or one of {len(there) - 1} others; the broker does not tell."
            )
            incident.story.tell(fact.t, f"command {said.what}", text)
            state.mark(incident, fact)


def _at_broker(state: RobotState, fact: Fact) -> list[Flow]:
    """The connections from within the robot to its broker that were there when something was said."""
    return [
        flow
        for flow in state.memory.flows.by_id.values()
        if flow.fact.direction == "in"
        and flow.fact.scope in INSIDE
        and flow.first_t <= fact.t + SETTLE_S
        and (flow.closed_t is None or flow.closed_t >= fact.t - TOLD_WITHIN_S)
        and (service := arrivals.service_of(state, flow)) is not None
        and service.surface == "mqtt"
    ]


def _suspects(state: RobotState, fact: Fact) -> list[Session]:
    """Programs that hold a connection to the outside and speak to the broker: a command makes them sessions."""
    origins: dict[str, Trace] = {}  # by client: however many connections it holds, it is one
    made: dict[str, Session] = {}
    for flow in _at_broker(state, fact):
        client = client_of(state.memory, flow)
        if client is None:
            continue
        # A proxy's connections are each another's.
        key = client.puid if client.puid is not None and not is_proxy(client.exe) else flow.fact.flow
        origin = origins.get(key)
        if len(origins) >= MAX_SUSPECTS if origin is None else origin.carrier != "relay":
            continue
        service = arrivals.service_of(state, flow)
        if origin is None:
            origin = origins[key] = arrivals.trace_of(state, flow)
        if service is not None and origin.carrier == "relay":
            port = flow.fact.local[1] if flow.fact.local else 0
            session = state.sessions.begin(flow, service, port, origin, arrivals.reference(fact))
            made[session.id] = session
    for session in made.values():
        arrivals.judge_session(state, fact, session)
    return list(made.values())


def _commanded(state: RobotState, fact: Fact, session: Session, said: ControlFact) -> None:
    drives = said.meaning in COMMANDS or session.service.surface == "udp"
    if drives:
        mono = fact.observation.mono
        first = mono if said.first_mono is None else said.first_mono
        last = mono if said.last_mono is None else said.last_mono
        since = first if session.commanded is None else session.commanded.since
        session.commanded = Commanded(since, first, last)
    incident = _incident_of(state, session)
    if incident is not None:
        incident.story.tell(fact.t, f"command {session.id} {said.what}", f"{unattended.what(said)}.")
        if said.meaning == "code":
            incident.attack["T1059"] = None
        if session.service.name == "upload":
            incident.attack["T1105"] = None
        if drives and session.carrier != "lan":
            incident.rise("remote-control", "critical")
            incident.rules["behaviour: commands by a session that nobody allowed"] = None
            if session.carrier == "relay":
                standing.relay_standing(state, incident, session)
        state.mark(incident, fact)
    if drives:
        _two_at_once(state, fact, session)


def _two_at_once(state: RobotState, fact: Fact, session: Session) -> None:
    mine = session.address_hop()
    if mine is None or session.carrier not in (*OUTSIDE, "relay"):
        return
    for other in state.sessions.by_id.values():
        theirs = other.address_hop()
        if other.commanded is None or theirs is None or theirs["address"] == mine["address"]:
            continue
        if _at_once(session, other):
            _two(state, fact, session, other)


def _at_once(one: Session, other: Session) -> bool:
    """Whether the first of two went on with commands when the second had begun, and the second did so lately."""
    spans = [session.commanded for session in (one, other) if session.commanded is not None]
    first, second = sorted(spans, key=lambda span: span.since)
    return first.first >= second.since and second.last >= first.first - TOLD_WITHIN_S


def _two(state: RobotState, fact: Fact, one: Session, other: Session) -> None:
    pair = sorted((one, other), key=lambda session: (session.first_t, session.id))
    names = [_named(session) for session in pair]
    incident = _incident_of(state, one) or _incident_of(state, other)
    if incident is None:
        key = ("two controllers", *sorted(_address(session) for session in pair))
        incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "remote-control", "medium")
        incident.name(1, f"Two controllers at once: {names[0]} and {names[1]}{state.on()}")
        incident.advise(0, _ADVICE_TWO)
        for session in pair:
            state.attach(incident, session)
    incident.rules["behaviour: two controllers at once"] = None
    incident.story.tell_once(fact.t, "two", f"{names[0]} and {names[1]} command the robot at the same time.")
    state.mark(incident, fact)


def _incident_of(state: RobotState, session: Session) -> Incident | None:
    return state.incidents.by_id.get(session.incident or "")


def _address(session: Session) -> str:
    hop = session.address_hop()
    return str(hop["address"]) if hop is not None else "?"


def _named(session: Session) -> str:
    return f"{shown(_address(session))} ({shown(session.service.name, 40)})"
