"""A program whose start is told after something that it did.

A sense looks a program up before it tells of it, while another has told of its connection already. Told in their order,
what a program does belongs to the story of whoever started it; so the two stories are made one when the start comes.
"""

from wachhund.judge import matches, standing
from wachhund.judge.fact import Fact
from wachhund.judge.incident import KIND_RANK, Incident
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.standing import RELAY
from wachhund.judge.state import RobotState

LATE_S = 10.0  # a program is told so long after what it did, of the robot's time; and it may do it before its exec


def start_told(state: RobotState, fact: Fact, process: ProcessFact, is_new: bool) -> None:
    """Take the start of a program; `is_new`: of a process that was not known until now.

    One that ran before the agent has no such order.
    """
    if process.existing:
        return
    for flow in list(state.memory.flows.of(process.puid)):
        # Told as this program's own: it kept what the program before it had opened.
        if flow.closed_t is None and flow.fact.exe == process.exe:
            matches.handed_on(state, fact, flow)
    own = state.incidents.of_process((process.puid,))
    if own is None or own.door is None or own.door.puid != process.puid:
        return
    if RELAY in own.rules:
        own.attack.update(dict.fromkeys(standing.disguises(state, own)))
    if is_new:
        _join_who_started_it(state, fact, process, own)


def _join_who_started_it(state: RobotState, fact: Fact, process: ProcessFact, own: Incident) -> None:
    above = state.incidents.of_process(puid for _, puid in state.memory.processes.ancestors(process.puid))
    if above is None or above is own or own.robot_first_t < fact.observation.t - LATE_S:
        return
    if own.told is False or above.told is False:
        return  # what is allowed stays apart from what is not
    into, part = sorted((own, above), key=_weight, reverse=True)
    into.rise(part.kind, part.level)
    state.incidents.join(into, part)
    part.story.tell_once(fact.t, "joined", f"Told together with who started it: incident {into.id}.")
    state.mark(into, fact)


def _weight(incident: Incident) -> tuple[int, float]:
    """The graver one keeps its title; of two alike, that which began first."""
    return KIND_RANK[incident.kind], -incident.first_t
