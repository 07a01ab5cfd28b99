"""Whom the robot itself calls on the internet: regularly as a clock, for very long, or with much to send.

Each of these is what tunnels and beacons do, and what honest programs do too: alone it is never above medium.
"""

from wachhund.judge.door import Door
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.programs import program_of
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.rhythm import Calls, beacon_score, usual_interval
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import program_name
from wachhund.judge.usual import CONTACT, Use
from wachhund.judge.wording import seconds, shown

MAX_CONTACTS = 1_024  # pairs of program and address, a robot
MIN_CALLS = 24
MIN_SPAN_S = 3_600.0  # fewer than an hour of calls is somebody who reloads a page
EVERY = 8  # calls between two looks at the rhythm
REGULAR = 0.8
# RITA's steps for connections that are still open: 1 h is low, 8 h medium.
LONG_S = 3_600.0
VERY_LONG_S = 8 * 3_600.0
DAY_S = 86_400.0
MUCH_BYTES = 256 * 1024 * 1024  # out to one address, a day; a stock robot sends none
MOSTLY_OUT = 4  # times what comes in
_ADVICE = (
    "Look what the program is and who made the address known to it.",
    "If it is wanted (updates, a cloud of your own), accept it as usual: wachhund baseline show, then accept.",
    "If nobody knows it, treat it as a tunnel: cut it off at the network's edge and keep the evidence below.",
)


def flow_told(state: RobotState, fact: Fact, flow: Flow, is_new: bool, more: tuple[int, int]) -> None:
    """Take a connection as it is known now. `is_new`: it was not known before. `more`: bytes that it sent and took
    since.
    """
    told = flow.fact
    if told.direction != "out" or told.scope != "internet" or told.own or told.remote is None:
        return
    if told.proto not in (None, "tcp"):
        return
    calls = _calls(state, told.exe, told.remote[0])
    calls.moved(int(fact.t // DAY_S), *more)
    if is_new and not told.existing:
        calls.times.append(flow.first_t)
        calls.number += 1
        if calls.number % EVERY == 0:
            _rhythm(state, fact, flow, calls)
    if flow.closed_t is None:
        _duration(state, fact, flow, calls)
    elif flow.closed_t == fact.t:
        calls.sizes.append(float(told.bytes_out or 0))
    _volume(state, fact, flow, calls)


def _calls(state: RobotState, exe: str | None, address: str) -> Calls:
    key = (exe or "?", address)
    calls = state.contacts.pop(key, None) or Calls()
    if len(state.contacts) >= MAX_CONTACTS:
        state.contacts.pop(next(iter(state.contacts)))
    state.contacts[key] = calls  # the one that was used last is the last to go
    return calls


def story_of(told: FlowFact) -> tuple[str, ...]:
    """By what the story of a program's calls to one address is found again."""
    return "contact", told.exe or "?", told.remote[0] if told.remote else "?"


def use_of(state: RobotState, what: str, told: FlowFact, sent: int = 0) -> Use:
    """A connection to the internet as a baseline may hold it."""
    program = program_of(state.files, state.memory.processes, told.puid, told.exe, state.newest_t)
    address, port = told.remote or (None, None)
    return Use(what, program, address, told.name, told.proto or "tcp", port, sent)


def _rhythm(state: RobotState, fact: Fact, flow: Flow, calls: Calls) -> None:
    times, sizes = list(calls.times), list(calls.sizes)
    if len(times) < MIN_CALLS or times[-1] - times[0] < MIN_SPAN_S:
        return
    score = beacon_score(times, sizes)
    if score < REGULAR:
        return
    incident = _incident(state, fact, flow, calls, "low")
    name, address = _names(flow)
    incident.name(0, f"Regular calls: {name} to {address}{state.on()}")
    text = (
        f"{name} calls {address} each {seconds(usual_interval(times))}, as regular as a clock ({score:.2f} of 1 over "
        f"the last {len(times)} calls): programs that wait for orders do so, and so do updaters."
    )
    incident.rules["behaviour: regular calls (beacon score)"] = None
    incident.attack["T1071.001"] = None
    _tell(state, fact, incident, "rhythm", text)


def _duration(state: RobotState, fact: Fact, flow: Flow, calls: Calls) -> None:
    lasted = flow.last_t - flow.first_t
    hours = int(lasted // 3600)
    if lasted < LONG_S or hours <= flow.told_hours:
        return
    flow.told_hours = hours
    incident = _incident(state, fact, flow, calls, "medium" if lasted >= VERY_LONG_S else "low")
    name, address = _names(flow)
    incident.name(0, f"A very long connection: {name} to {address}{state.on()}")
    text = f"{name} has held its connection to {address} for more than {hours} h: tunnels do so, and so do messengers."
    incident.rules["behaviour: very long connection"] = None
    incident.attack["T1572"] = None
    _tell(state, fact, incident, f"long {flow.fact.flow}", text)


def _volume(state: RobotState, fact: Fact, flow: Flow, calls: Calls) -> None:
    parts = calls.out // MUCH_BYTES
    if parts <= calls.told_parts or calls.out < MOSTLY_OUT * calls.taken:
        return
    calls.told_parts = parts
    incident = _incident(state, fact, flow, calls, "low")
    name, address = _names(flow)
    incident.name(0, f"Much data out: {name} to {address}{state.on()}")
    text = f"{name} sent {calls.out >> 20} MiB to {address} within a day, and took {calls.taken >> 20} MiB."
    incident.rules["behaviour: much data out"] = None
    incident.attack["T1041"] = None
    _tell(state, fact, incident, "volume", text)


def _incident(state: RobotState, fact: Fact, flow: Flow, calls: Calls, level: str) -> Incident:
    """That of the program, where it has one: then this is a part of its story."""
    told = flow.fact
    use = use_of(state, CONTACT, told, calls.out)
    known = state.incident_of(told.puid, told.pid)
    if known is not None:
        known.is_about(use)
        return known
    key = story_of(told)
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "tunnel", level)
    incident.rise("tunnel", level)
    incident.door = incident.door or Door(told.puid, told.pid, told.exe, told.user)
    incident.outer = flow
    incident.is_about(use)
    incident.advise(0, _ADVICE)
    return incident


def _tell(state: RobotState, fact: Fact, incident: Incident, key: str, text: str) -> None:
    incident.story.tell(fact.t, key, text)
    state.mark(incident, fact)


def _names(flow: Flow) -> tuple[str, str]:
    told = flow.fact
    name = shown(program_name(told.exe), 60) if told.exe else "a program that was not seen"
    return name, shown(told.remote[0] if told.remote else "?", 60)
