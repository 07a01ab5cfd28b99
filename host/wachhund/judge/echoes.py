"""Data in pings: a tunnel that needs no connection."""

from wachhund.judge import interfaces
from wachhund.judge.ends import OUTSIDE
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

# Both ways of one ping exchange; an ordinary ping moves 84 bytes a second.
MIN_ECHO_BYTES = 64 * 1024
MIN_ECHO_BYTES_A_PACKET = 200
_ADVICE = (
    "Look which program sends them: sudo ss -wnp",
    "Block pings to the address below at the network's edge, and see whether the robot misses them.",
    "Ask whoever looks after this robot; keep the evidence below.",
)


def echo_told(state: RobotState, fact: Fact, flow: Flow) -> None:
    """Take a flow of ICMP."""
    told = flow.fact
    remote = told.remote or told.source
    moved = (told.bytes_in or 0) + (told.bytes_out or 0)
    packets = sum(
        count for name in ("packets_in", "packets_out") if type(count := fact.observation.fields.get(name)) is int
    )
    if told.proto != "icmp" or remote is None or told.scope not in OUTSIDE or moved < MIN_ECHO_BYTES:
        return
    if packets and moved / packets < MIN_ECHO_BYTES_A_PACKET:
        return
    incident = _incident(state, fact, ("echo", remote[0]))
    incident.name(0, f"Data in pings: {shown(remote[0], 60)}{state.on()}")
    incident.rules["behaviour: tunnel in echoes"] = None
    incident.attack["T1095"] = None
    incident.story.tell(
        fact.t, f"echo {remote[0]}", f"Pings with {shown(remote[0], 60)} carry data: {moved} bytes by now."
    )
    state.mark(incident, fact)


def _incident(state: RobotState, fact: Fact, key: tuple[str, ...]) -> Incident:
    incident = state.incidents.of_story(key, fact.t) or interfaces.lately(state, fact)
    incident = incident or state.incidents.begin(key, fact, "tunnel", "high")
    state.incidents.leads_to(incident, story=key)
    incident.rise("tunnel", "high")
    incident.attack["T1572"] = None
    incident.advise(0, _ADVICE)
    return incident
