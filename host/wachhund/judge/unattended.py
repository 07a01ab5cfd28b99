"""Commands and movement with nobody in the controller ledger: by a program of the robot, or by nobody who is known."""

from collections.abc import Iterable

from wachhund.judge import arrivals, logins, standing
from wachhund.judge.door import Door
from wachhund.judge.ends import client_of, process_hop
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.incident_book import StoryKey
from wachhund.judge.reading_use import ControlFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import is_proxy
from wachhund.judge.tracing import Trace
from wachhund.judge.wording import shown

# The broker's own account of a command is up to so much older than the connection that carried it, or younger. Seconds.
NEAR_S = 12.0
_RULE = "behaviour: control with nobody in the controller ledger"
_OF_NOBODY_DOES = "T1565.002"
_UNSEEN_PUBLISHER = "The broker does not tell who published; a program of the robot itself is the most likely."
_UNSEEN_REMOTE = "Whether somebody used the remote control: it speaks to a board on which no agent runs."
_NOT_PROVEN = "Whether it was this program: the broker does not tell; it came about then."
_ADVICE = (
    "Stand clear of the robot: something commands it.",
    "Look who is connected to the broker: sudo ss -tnp sport = :1883",
    "If one of the robot's own programs did this on purpose, say which in its baseline.",
)
_ADVICE_PROGRAM = (
    "Stand clear of the robot: a program commands it.",
    "Look what the program is and what started it: ps -ef --forest; systemctl list-units; crontab -l",
    "If nobody knows it: keep the evidence below, then stop it and what starts it again.",
)


def what(said: ControlFact) -> str:
    """What was sent, in the beginning of a sentence."""
    words = f" ({', '.join(shown(word, 40) for word in said.words)})" if said.words else ""
    verbs = {"control": "Commands were sent to", "code": "Programs or shell commands were sent to"}
    return f"{verbs.get(said.meaning or '', 'Data was sent to')} {shown(said.what)}{words}"


def moves(said: ControlFact) -> bool:
    """Whether the robot itself says that it does something else than before."""
    return said.meaning == "state" and (said.changed or 0) > 0


def told(state: RobotState, fact: Fact, said: ControlFact, at_broker: Iterable[Flow]) -> None:
    """Take a `control` that nobody in the ledger explains. `at_broker`: who of the robot spoke to its broker then."""
    if moves(said):
        _moved(state, fact, said)
        return
    by = _publisher(state, fact, said, at_broker)
    if by is None:
        _of_nobody(state, fact, said)
    else:
        _of_program(state, fact, said, *by)


def _publisher(
    state: RobotState, fact: Fact, said: ControlFact, at_broker: Iterable[Flow]
) -> tuple[Flow, Door] | None:  # fmt: skip
    """The program that came to the broker about when something was said; None where several may have said it.

    One whose arguments name the topic goes before those that came and left again, and they before those that stay: the
    robot's own services, which were connected long before, are none of them.
    """
    came: list[tuple[Flow, Door]] = []
    for flow in at_broker:
        client = client_of(state.memory, flow)
        if not flow.fact.existing and flow.first_t >= fact.t - NEAR_S and client is not None and client.exe is not None:
            came.append((flow, client))
    came = [one for one in came if not is_proxy(one[1].exe)]
    named = [one for one in came if said.what in state.memory.processes.command_of(one[1].puid)]
    left = [one for one in came if one[0].closed_t is not None]
    some = named or left or came
    return some[0] if len({client.exe for _, client in some}) == 1 else None


def _of_program(state: RobotState, fact: Fact, said: ControlFact, flow: Flow, client: Door) -> None:
    service = arrivals.service_of(state, flow)
    if service is None or flow.fact.local is None:
        return
    name = state.told_name(client)
    key = ("commands of a program", client.exe or "?", said.what)
    incident = state.incident_of(client.puid, client.pid) or state.incidents.of_story(key, fact.t)
    incident = incident or state.incidents.begin(key, fact, "intrusion", "medium")
    state.incidents.leads_to(incident, (client.puid,), key)
    session = state.sessions.of_flow(flow.fact.flow)
    if session is None:
        origin = Trace((process_hop(client, "program"), {"hop": "loopback"}), "local")
        session = state.sessions.begin(flow, service, flow.fact.local[1], origin, arrivals.reference(fact))
    session.user = session.user or client.user
    incident.door = incident.door or client
    state.attach(incident, session)
    standing.tell_session(state, fact, incident, session)
    does = "is programmed" if said.meaning == "code" else "moves"
    incident.name(0, f"The robot {does} and nobody is connected: {name} commands it by {shown(said.what)}{state.on()}")
    text = f"{what(said)} while no session of anybody was open, and {name} came to the broker then"
    incident.story.tell(fact.t, f"command {said.what}", f"{text}.{_started_by(state, client)}")
    incident.unknown[_NOT_PROVEN] = None
    _tagged(state, fact, incident, _ADVICE_PROGRAM)


def _started_by(state: RobotState, client: Door) -> str:
    for _, puid in state.memory.processes.ancestors(client.puid, client.pid):
        above = state.memory.processes.by_puid.get(puid or "")
        if above is not None:
            return f" What started it: {logins.told_program(above)}."
    return ""


def _of_nobody(state: RobotState, fact: Fact, said: ControlFact) -> None:
    state.of_nobody.append((fact, said))
    key = _story_of_nobody(said)
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "remote-control", "medium")
    incident.name(0, f"Robot commanded by nobody who is known: {shown(said.what)}{state.on()}")
    incident.story.tell(fact.t, "command", f"{what(said)}, and no session of anybody was open.")
    incident.unknown[_UNSEEN_PUBLISHER] = None
    incident.attack[_OF_NOBODY_DOES] = None
    _tagged(state, fact, incident, _ADVICE)


def _story_of_nobody(said: ControlFact) -> StoryKey:
    return "commands of nobody", said.what


def claimed(state: RobotState, fact: Fact, said: ControlFact, session: Session) -> None:
    """Somebody was there after all: what was told as nobody's since then is a part of the story of that session."""
    part = state.incidents.of_story(_story_of_nobody(said), fact.t)
    into = state.incidents.by_id.get(session.incident or "")
    if part is None or into is None or part is into or part.first_t < session.first_t:
        return
    part.story.tell(fact.t, "command", f"{what(said)}, and nobody was known to be there yet.")
    for held in (part.rules, part.unknown, part.attack):
        for name in (_RULE, _UNSEEN_PUBLISHER, _OF_NOBODY_DOES):
            held.pop(name, None)
    state.incidents.join(into, part)
    part.story.tell_once(fact.t, "joined", f"Who was there became known later: incident {into.id}.")
    state.mark(into, fact)


def _moved(state: RobotState, fact: Fact, said: ControlFact) -> None:
    key = ("moved by nobody",)
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "remote-control", "low")
    words = f" ({', '.join(shown(word, 40) for word in said.words)})" if said.words else ""
    incident.name(0, f"The robot moved and nobody is in the controller ledger{state.on()}")
    incident.story.tell(fact.t, "moved", f"The robot says that it does something else now{words}; nobody was there.")
    incident.unknown[_UNSEEN_REMOTE] = None
    incident.attack[_OF_NOBODY_DOES] = None
    _tagged(state, fact, incident, _ADVICE)


def _tagged(state: RobotState, fact: Fact, incident: Incident, advice: tuple[str, ...]) -> None:
    incident.rules[_RULE] = None
    incident.attack["T0855"] = None  # of ATT&CK for industrial control systems: unauthorised command message
    incident.advise(0, advice)
    state.mark(incident, fact)
