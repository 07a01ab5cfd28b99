"""A tunnel within a tunnel: one that dials a port of the robot itself, where another tunnel takes it further."""

import re

from wachhund.judge.fact import Fact
from wachhund.judge.incidents import Incident
from wachhund.judge.reading import ProcessFact
from wachhund.judge.state import RobotState

# The outer one is started first, and its listener may be told after the inner one has dialled it. Seconds.
BEFORE_S = 60.0
_HERE = r"(?:127(?:\.\d{1,3}){3}|localhost|\[?::1\]?)"
# An argument that names the robot itself as where to go: 127.0.0.1, root@localhost, 127.0.0.1:8443, wss://localhost/x.
_DIALS_HERE = re.compile(rf"(?:[a-z+]{{1,10}}://)?(?:[^@/:\s]{{1,64}}@)?{_HERE}(?::\d{{1,5}})?(?:/\S*)?")


def within(state: RobotState, fact: Fact, process: ProcessFact | None) -> Incident | None:
    """The incident of the tunnel through which a tunnel that was just started goes; None when it dials by itself."""
    if process is None or not any(_DIALS_HERE.fullmatch(word) for word in process.argv[1:]):
        return None
    around = [
        incident
        for incident in state.incidents.by_id.values()
        if incident.kind in ("tunnel", "relay", "remote-control") and incident.door is not None and incident.label
    ]
    ports = {word.rpartition(":")[2] for word in process.argv[1:]}
    for incident in around:
        puid = incident.door.puid if incident.door is not None else None
        if puid and any(str(listener.local[1]) in ports for listener in state.memory.listeners_of((puid,))):
            return incident
    lately = [incident for incident in around if 0 <= fact.t - incident.first_t <= BEFORE_S]
    return max(lately, key=lambda incident: incident.first_t, default=None)
