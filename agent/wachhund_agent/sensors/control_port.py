"""Control by port: who exchanges packets with a door through which the robot is driven, fed or programmed.

Flows say who and how much; this says that it was control. Counted: one observation for a client and a door at first,
then one each 10 s while it goes on. Datagrams within this robot are one flow, which its client's end tells. A client on
this robot that serves others (nginx before the broker) is looked behind: who came in to the same process just before,
and alone, is the client.
"""

import os
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.flow import Flow
from wachhund_agent.sensors.scope import HERE, OUTSIDE
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

EVERY_S = 10.0
CLIENTS_KEPT = 1024
CANDIDATES_TOLD = 8
BEHIND_S = 1.0  # a proxy dials on as soon as its client has asked


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


def _at_door(proto: str, flow: Flow) -> Flow:
    """A flow as its door has it."""
    if proto != "udp" or flow.direction != "out" or flow.scope not in HERE:
        return flow
    return flow._replace(
        direction="in", local=flow.remote, remote=flow.local, owner=flow.peer, peer=flow.owner,
        bytes_in=flow.bytes_out, bytes_out=flow.bytes_in,
    )  # fmt: skip


def behind(flow: Flow, flows: Sequence[Tuple[str, Flow]]) -> List[Flow]:
    """Whom the client of a flow may be serving: those who came in to its process just before, the nearest first.

    More than one: nobody can say which from here.
    """
    if flow.peer is None or flow.scope not in HERE:
        return []
    came = [
        other
        for _, other in flows
        if other.direction == "in"
        and other.scope in OUTSIDE
        and other.owner is not None
        and other.owner.puid == flow.peer.puid
        and 0 <= flow.opened - other.opened <= BEHIND_S
    ]
    return sorted(came, key=lambda other: flow.opened - other.opened)


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
        flows = self._flows()
        for proto, told in flows:
            flow = _at_door(proto, told)
            door = self._doors.get((proto, flow.local[1]))
            if door is None or flow.direction != "in" or (flow.peer is not None and flow.peer.pid == os.getpid()):
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
            since = flow.opened if before is None else before.told
            found.append(self._observation(door, flow, behind(flow, flows), counted, mono, since))
        self._seen = open_now
        return found

    def coverage(self) -> Coverage:
        why = None if self._doors else "the profile names no control port"
        return Coverage("flows", "poll", self.interval_s, self._dropped, why)

    def close(self) -> None:
        """Nothing is kept open."""

    @staticmethod
    def _observation(
        door: Door, flow: Flow, served: List[Flow], counted: int, mono: float, since: float
    ) -> Observation:
        fields: Dict[str, object] = {
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
        if len(served) == 1:
            fields["client"], fields["scope"] = list(served[0].remote), served[0].scope
            fields["through"] = {"flow": served[0].flow, "proxy": None if flow.peer is None else flow.peer.exe}
        elif served:
            fields["candidates"] = [list(one.remote) for one in served[:CANDIDATES_TOLD]]
        return Observation("control", wall(mono), mono, "control-ports/flows", fields)
