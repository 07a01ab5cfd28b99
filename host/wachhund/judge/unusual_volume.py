"""How much goes out in a day, held against the day with most that a person accepted as usual."""

from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.programs import Program
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import program_name
from wachhund.judge.usual import VOLUME, Use, ceiling
from wachhund.judge.wording import shown

_ADVICE = (
    "Look which program sends it and to whom: the robot's page shows its connections with their bytes.",
    "If it is wanted (an upload, an upgrade), accept a new baseline in a few days: wachhund baseline accept.",
    "If nobody knows it, take it for somebody who carries data away: keep the evidence below, and cut it off.",
)
_SHOWN = 3  # programs that are named


def sent(state: RobotState, fact: Fact, flow: Flow, more: int) -> None:
    """A connection sent so many bytes more to the internet."""
    if not more:
        return
    out, accepted = state.out, state.accepted
    out.add(fact.t, flow, more)
    if accepted is None:
        return
    times = (out.sent // (ceiling(accepted.largest_out) + 1)).bit_length()  # told once, and each time it doubled
    if times <= out.told:
        return
    out.told = times
    most = sorted(out.by_program.items(), key=lambda one: (-one[1].sent, one[0]))[:_SHOWN]
    sender = most[0][1] if most and 2 * most[0][1].sent > out.sent else None
    incident = state.incident_of(sender.puid, sender.pid) if sender is not None else None
    if incident is None:
        key = ("volume",)
        incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "tunnel", "low")
        incident.name(0, f"Unusual volume out: {out.sent >> 20} MiB within a day{state.on()}")
    usual_mib, sent_mib = accepted.largest_out >> 20, out.sent >> 20
    incident.rules["behaviour: unusual volume out"] = None
    incident.attack["T1041"] = None
    incident.is_about(Use(VOLUME, Program(None, None, (), ()), sent=out.sent))
    named = ", ".join(f"{shown(program_name(exe), 60)} {one.sent >> 20} MiB" for exe, one in most)
    incident.story.tell(
        fact.t, f"volume {out.day}",
        f"By now {sent_mib} MiB went to the internet this day (UTC), most by {named}. In {accepted.told()} the day "
        f"with most had {usual_mib} MiB.",
    )  # fmt: skip
    incident.advise(0, _ADVICE)
    state.mark(incident, fact)
