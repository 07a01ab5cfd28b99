"""Which machines of the robot's networks a visitor asks from the robot: one is an errand, several are a search.

Told in a story that is there already, never one of its own: who may be on the robot may look around.
"""

import ipaddress
import re

from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

SEVERAL = 2  # of somebody who may not be there; who asks three shows two at least, though short programs hide arguments
NAMED = 3  # in the sentence
MAX_REACHED = 64  # machines that are remembered of a session
MAX_TEXT = 4_096  # characters of a command line that are looked through
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))  # RFC 1918
_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")


def program_started(state: RobotState, fact: Fact, session: Session, process: ProcessFact) -> None:
    """A visitor starts a program: it asks whom its arguments name, also where nobody answers."""
    for address in dict.fromkeys(_ADDRESS.findall(" ".join(process.argv)[:MAX_TEXT])):
        _reached(state, fact, session, address)


def flow_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """A connection to another machine of the robot's networks, if a visitor's program opened it."""
    told = flow.fact
    if told.direction == "out" and told.scope == "lan" and told.remote is not None and state.visitors:
        session = state.visit_of(told.puid, told.pid)
        if session is not None:
            _reached(state, fact, session, told.remote[0])


def _reached(state: RobotState, fact: Fact, session: Session, address: str) -> None:
    incident = state.incidents.by_id.get(session.incident or "")
    if incident is None or address in session.reached or len(session.reached) >= MAX_REACHED:
        return
    if not _is_neighbour(state, address):
        return
    session.reached[address] = None
    if len(session.reached) >= SEVERAL:
        _tell(state, fact, incident, session)


def _is_neighbour(state: RobotState, address: str) -> bool:
    """Whether an address is another machine's in a private network."""
    try:
        one = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    if not any(one in network for network in _PRIVATE):
        return False
    own = (told for link in state.memory.links.by_name.values() for told in link.addresses)
    return all(told.partition("/")[0] != address for told in own)


def _tell(state: RobotState, fact: Fact, incident: Incident, session: Session) -> None:
    incident.attack["T1046"] = None
    named = ", ".join(shown(address, 40) for address in list(session.reached)[:NAMED])
    more = len(session.reached) - NAMED
    text = f"The visitor looks for other machines behind the robot: {named}{f' and {more} more' if more > 0 else ''}."
    incident.story.tell(fact.t, f"reached {session.id}", text)
    state.mark(incident, fact)
