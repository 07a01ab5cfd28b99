"""Control by port: who exchanges packets with a door through which the robot is driven, fed or programmed.

Flows say who and how much; this says that it was control. Counted, one observation for a client and a door at first and
then each 10 s while it goes on.
"""

from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.flow import Flow
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

EVERY_S = 10.0
CLIENTS_KEPT = 1024


class Door(NamedTuple):
    """A port of the robot's own through which it is controlled. `surface`: one of detection.md's."""

    proto: str
    port: int
    surface: str
    what: str


class _Count(NamedTuple):
    bytes_in: int
    told: float
    since: float


class ControlPortSense(Sense):
    """`flows`: the open flows of this robot, of every protocol. Kind: `control`."""

    name = "control-ports"
    interval_s = 1.0

    def __init__(self, doors: Sequence[Door], flows: Callable[[], Sequence[Tuple[str, Flow]]]) -> None:
        self._doors = {(door.proto, door.port): door for door in doors}
        self._flows = flows
        self._seen: Dict[str, _Count] = {}
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        if not self._doors:
            return []
        found = []
        open_now: Dict[str, _Count] = {}
        for proto, flow in self._flows():
            door = self._doors.get((proto, flow.local[1]))
            if door is None or flow.direction != "in":
                continue
            before = self._seen.get(flow.flow)
            if before is None and len(open_now) >= CLIENTS_KEPT:
                self._dropped += 1
                continue
            moved = before is None or flow.bytes_in > before.bytes_in
            if before is not None and (not moved or mono - before.told < EVERY_S):
                open_now[flow.flow] = before
                continue
            open_now[flow.flow] = _Count(flow.bytes_in, mono, flow.opened if before is None else before.since)
            counted = flow.bytes_in - (0 if before is None else before.bytes_in)
            found.append(self._observation(door, flow, counted, mono, flow.opened if before is None else before.told))
        self._seen = open_now
        return found

    def coverage(self) -> Coverage:
        why = None if self._doors else "the profile names no control port"
        return Coverage("flows", "poll", self.interval_s, self._dropped, why)

    def close(self) -> None:
        """Nothing is kept open."""

    @staticmethod
    def _observation(door: Door, flow: Flow, counted: int, mono: float, since: float) -> Observation:
        fields = {
            "surface": door.surface,
            "what": "{} ({} {})".format(door.what, door.proto, door.port),
            "client": list(flow.remote),
            "scope": flow.scope,
            "flow": flow.flow,
            "puid": None if flow.owner is None else flow.owner.puid,
            "exe": None if flow.owner is None else flow.owner.exe,
            "peer": None if flow.peer is None else {"puid": flow.peer.puid, "exe": flow.peer.exe},
            "bytes": counted,
            "first_mono": round(since, 3),
            "last_mono": round(mono, 3),
        }
        return Observation("control", wall(mono), mono, "control-ports/flows", fields)
