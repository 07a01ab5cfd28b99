"""Which flows could be the two sides of a relay: by structure alone, nothing about a program's name. Pure.

Outer: to another machine. Inner: dialled to a service of this robot, or to another network than the outer one's.
Flows of one process to one far end count as one side: a relay may open a connection for every request.
"""

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_agent.sensors.scope import HERE, OUTSIDE

MAX_PAIRS = 64  # watched at once; a stock robot has none to five

# Services through which somebody takes hold of a robot, by port or by the program that serves them.
CONTROL_PORTS = {22: "ssh", 23: "shell", 1883: "mqtt", 8883: "mqtt", 3389: "desktop", 5900: "desktop", 5901: "desktop"}
CONTROL_PROGRAMS = {
    "sshd": "ssh",
    "sshd-session": "ssh",
    "dropbear": "ssh",
    "telnetd": "shell",
    "mosquitto": "mqtt",
    "x11vnc": "desktop",
    "Xvnc": "desktop",
    "xrdp": "desktop",
}

Side = Tuple[str, str, str, int]  # puid, direction, remote address, port (remote when dialled, local when accepted)


class Pair(NamedTuple):
    """Two sides, each with its flows, oldest first."""

    outer: Tuple[Flow, ...]
    inner: Tuple[Flow, ...]
    joined_by: str

    @property
    def key(self) -> Tuple[Side, Side]:
        return side(self.outer[0]), side(self.inner[0])


def side(flow: Flow) -> Side:
    """What flows have in common that make up one side. The flow must have an owner."""
    if flow.owner is None:
        raise ValueError("a flow without an owner is no side of a relay")
    if flow.direction == "in":
        return (flow.owner.puid, "in", flow.remote[0], flow.local[1])
    return (flow.owner.puid, "out", flow.remote[0], flow.remote[1])


def is_outer(flow: Flow) -> bool:
    return flow.owner is not None and flow.scope in OUTSIDE and not flow.own


def may_be_inner(flow: Flow) -> bool:
    if flow.owner is None or flow.direction != "out" or flow.own:
        return False
    return flow.scope in HERE or flow.scope == "lan"


def _is_inner_to(inner: Flow, outer: Flow) -> bool:
    if inner.scope in HERE:
        return True
    # Another machine inside: only as seen from the internet, or from another of the robot's networks.
    return outer.scope == "internet" or outer.local[0] != inner.local[0]


def control_surface(inner: Flow) -> Optional[str]:
    """The surface that the inner service is, as far as its port or its program tells."""
    program = inner.peer.exe.rsplit("/", 1)[-1] if inner.peer is not None and inner.peer.exe else ""
    return CONTROL_PROGRAMS.get(program) or CONTROL_PORTS.get(inner.remote[1])


def is_server(pair: Pair) -> bool:
    """It was called from outside and asks a service that controls nothing: what every web application does."""
    return pair.outer[0].direction == "in" and control_surface(pair.inner[0]) is None


def owners(flows: Iterable[Flow]) -> Dict[str, Owner]:
    return {flow.owner.puid: flow.owner for flow in flows if flow.owner is not None}


def pairs_of(flows: Mapping[str, Flow], ties: Mapping[Tuple[str, str], str]) -> List[Pair]:
    """All pairs, those that matter most first: dialled out before called, control surfaces first, newest first.

    `ties`: which processes are one, see relay_family.
    """
    outers: Dict[Side, List[Flow]] = {}
    inners: Dict[Side, List[Flow]] = {}
    for flow in sorted(flows.values(), key=lambda flow: flow.opened):
        if is_outer(flow):
            outers.setdefault(side(flow), []).append(flow)
        if may_be_inner(flow):
            inners.setdefault(side(flow), []).append(flow)
    by_process: Dict[str, List[List[Flow]]] = {}
    for inner_side, members in inners.items():
        by_process.setdefault(inner_side[0], []).append(members)
    made: List[Pair] = []
    for (outer_puid, inner_puid), how in ties.items():
        for outer_side, outer in outers.items():
            if outer_side[0] == outer_puid:
                # A side is not its own other side: two connections into one other network are no way in.
                made.extend(
                    Pair(tuple(outer), tuple(inner), how)
                    for inner in by_process.get(inner_puid, ())
                    if side(inner[0]) != outer_side and _is_inner_to(inner[0], outer[0])
                )
    made.sort(key=lambda pair: (is_server(pair), control_surface(pair.inner[0]) is None, -pair.inner[-1].opened))
    return made
