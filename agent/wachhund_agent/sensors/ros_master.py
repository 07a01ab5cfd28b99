"""Who takes part in ROS 1 on this robot: its own master is asked for the nodes, what they do, and where they are.

http://wiki.ros.org/ROS/Master_API: getSystemState, getTopicTypes, lookupNode; all only read, and none makes us a node.
Asked is a master on this robot, and only while somebody listens at its port. Everybody can register with a master, so
what it says is taken as a stranger's word.
"""

import errno
import os
import socket
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple
from urllib.parse import urlsplit

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors import xml_rpc
from wachhund_agent.sensors.flow import Endpoint
from wachhund_agent.sensors.posture import OpenDoor
from wachhund_agent.sensors.scope import HERE, Scopes
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip

ROUND_S = 10.0  # between two questions who is there
LARGE_BYTES = 32 * 1024  # an answer of n times that is asked for n + 1 times as seldom: reading it costs the robot
HOSTILE_S = 60.0  # before a master that answered badly is asked again
ANSWER_S = 5.0  # for one answer
BUSY_S, QUIET_S = 0.25, 5.0
NODES_KEPT = 256
LOOK_UPS = 64  # of new nodes' places in one round
LOOKED_UP_AGAIN = 8  # known nodes whose place is asked for again in one round: a name can be taken over
TYPES_TOLD = 8
NAME_BYTES = 256
_CALLER = "/wachhund"
_HOST = "127.0.0.1"
_READ_BYTES = 64 * 1024
_READS = 16  # in one look, so that a flood can't hold the loop
_SENSOR = "ros-master/xmlrpc"


class Node(NamedTuple):
    """A node as the master knows it. `publishes`, `subscribes`, `services`: names of topics and services."""

    publishes: FrozenSet[str]
    subscribes: FrozenSet[str]
    services: FrozenSet[str]


def parse_state(value: xml_rpc.Value) -> Dict[str, Node]:
    """The nodes in the answer to getSystemState. What has another shape is passed over."""
    found: Dict[str, List[Set[str]]] = {}
    parts = _success(value)
    for number, part in enumerate(parts[:3] if isinstance(parts, list) else []):
        for entry in part if isinstance(part, list) else []:
            if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], list)):
                continue
            name = _name(entry[0])
            for node in map(_name, entry[1]):
                if name is not None and node is not None:
                    found.setdefault(node, [set(), set(), set()])[number].add(name)
    return {node: Node(*(frozenset(names) for names in sets)) for node, sets in found.items()}


def parse_place(value: xml_rpc.Value) -> Optional[Tuple[str, Endpoint]]:
    """The address of a node and its parts, from the answer to lookupNode; None for what is none."""
    uri = _name(_success(value))
    if uri is None:
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return None if not host or port is None else (uri, (clip(host, NAME_BYTES)[0], port))


def parse_types(value: xml_rpc.Value) -> Dict[str, str]:
    """Topic -> type of its messages, from the answer to getTopicTypes."""
    found: Dict[str, str] = {}
    listed = _success(value)
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, list) and len(entry) == 2:
            topic, kind = _name(entry[0]), _name(entry[1])
            if topic is not None and kind is not None:
                found[topic] = kind
    return found


def _success(value: xml_rpc.Value) -> xml_rpc.Value:
    """What a master hands out beside its status: [1, message, value]."""
    return value[2] if isinstance(value, list) and len(value) == 3 and value[0] == 1 else ""


def _name(value: xml_rpc.Value) -> Optional[str]:
    return clip(value, NAME_BYTES)[0] if isinstance(value, str) and value else None


class _Told(NamedTuple):
    """A node that was told of, and where it was then."""

    place: Optional[Tuple[str, Endpoint]]
    here: Optional[bool]


class RosMasterSense(Sense):
    """Kinds: `config.state` (ros-node), and `control` for a node of another machine, each once.

    `ports`: where a master would listen. `doors`: the listeners of this robot. `names`: the text of /etc/hosts.
    """

    name = "ros-master"
    interval_s = QUIET_S

    def __init__(
        self,
        ports: Sequence[int],
        doors: Callable[[], Sequence[OpenDoor]],
        scopes: Optional[Scopes] = None,
        round_s: float = ROUND_S,
    ) -> None:
        self._ports, self._doors, self._round_s = frozenset(ports), doors, round_s
        self._scopes = scopes or Scopes()
        self._socket: Optional[socket.socket] = None
        self._port = 0
        self._reader: Optional[xml_rpc.AnswerReader] = None
        self._unsent = b""
        self._fresh = False  # the connection was made in this round
        self._asked: Optional[Tuple[str, str]] = None  # method, and the node it is about
        self._waiting: List[str] = []  # nodes whose place is asked for in this round
        self._nodes: Dict[str, Node] = {}
        self._places: Dict[str, Optional[Tuple[str, Endpoint]]] = {}
        self._types: Dict[str, str] = {}
        self._told: Dict[str, _Told] = {}
        self._next_round = self._deadline = 0.0
        self._trouble: Optional[str] = None
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def fds(self) -> List[int]:
        return [self._socket.fileno()] if self._socket is not None and self._asked is not None else []

    def own_inodes(self) -> FrozenSet[int]:
        """The socket of our own question, by which other senses leave it out."""
        try:
            return frozenset() if self._socket is None else frozenset({os.fstat(self._socket.fileno()).st_ino})
        except OSError:
            return frozenset()

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        if self._asked is None and mono >= self._next_round:
            found += self._begin(mono)
        if self._asked is not None:
            found += self._read(mono)
            if self._asked is not None and mono > self._deadline:
                self._give_up("it does not answer", mono)
        self.interval_s = QUIET_S if self._asked is None else BUSY_S
        return found

    def coverage(self) -> Coverage:
        if not self._ports:
            return Coverage("xmlrpc", "poll", self._round_s, self._dropped, "the profile names no port of a ROS master")
        if self._trouble is not None:
            why = "the ROS master on this robot: {}: nodes are seen as clients of its port only".format(self._trouble)
            return Coverage("xmlrpc", "blind", self._round_s, self._dropped, why)
        return Coverage("xmlrpc", "poll", self._round_s, self._dropped)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._asked = self._reader = None
        self._waiting, self._unsent = [], b""

    def _begin(self, mono: float) -> List[Observation]:
        """A new round: is there a master, and who is with it?"""
        self._next_round = mono + self._round_s
        port = next((door[1] for door in self._doors() if door[0] == "tcp" and door[1] in self._ports), None)
        if port is None:
            self.close()
            self._trouble = None
            return self._gone(set(), mono)
        self._fresh = self._socket is None or port != self._port
        if self._fresh:
            self.close()
            self._port = port
            if not self._connect(mono):
                return []
        self._scopes.refresh(mono)
        self._ask("getSystemState", "", mono)
        return []

    def _connect(self, mono: float) -> bool:
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_INET, kind)
        code = self._socket.connect_ex((_HOST, self._port))
        if code not in (0, errno.EINPROGRESS):
            self._give_up("no connection ({})".format(os.strerror(code)), mono)
        return self._socket is not None

    def _ask(self, method: str, about: str, mono: float) -> None:
        arguments = (_CALLER, about) if about else (_CALLER,)
        self._reader, self._asked, self._deadline = xml_rpc.AnswerReader(), (method, about), mono + ANSWER_S
        self._unsent = xml_rpc.call(_HOST, self._port, method, *arguments)
        self._send(mono)

    def _send(self, mono: float) -> None:
        try:
            if self._socket is not None and self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return  # not connected yet
        except OSError as error:
            self._failed(error, mono)

    def _failed(self, error: OSError, mono: float) -> None:
        if error.errno in (errno.EPIPE, errno.ECONNRESET):
            self._closed(mono)
        else:
            self._give_up("no connection ({})".format(error.strerror), mono)

    def _give_up(self, why: str, mono: float) -> None:
        self.close()
        self._trouble = why
        self._next_round = mono + max(HOSTILE_S, self._round_s)

    def _read(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        self._send(mono)
        for _ in range(_READS):
            if self._socket is None or self._reader is None or self._asked is None:
                return found
            try:
                data = self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                return found
            except OSError as error:
                self._failed(error, mono)
                return found
            if not data:
                self._closed(mono)
                return found
            try:
                value = self._reader.feed(data)
            except xml_rpc.BadAnswer as error:
                self._give_up(str(error), mono)
                return found
            if value is not None:
                size = self._reader.size
                self._next_round = max(self._next_round, mono + self._round_s * (1 + size // LARGE_BYTES))
                found += self._answered(value, mono)
        return found

    def _closed(self, mono: float) -> None:
        if self._fresh:
            self._give_up("it closed the connection", mono)
        else:  # the master was started anew since the last round
            self.close()
            self._next_round = mono

    def _answered(self, value: xml_rpc.Value, mono: float) -> List[Observation]:
        method, about = self._asked or ("", "")
        self._asked = self._reader = self._trouble = None
        found: List[Observation] = []
        if method == "getSystemState":
            nodes = parse_state(value)
            self._dropped += max(0, len(nodes) - NODES_KEPT)
            # Those that are known stay: nobody crowds them out by registering others.
            kept = sorted(nodes, key=lambda node: (node not in self._told, node))[:NODES_KEPT]
            self._nodes = {node: nodes[node] for node in kept}
            self._places = {}
            found += self._gone(set(self._nodes), mono)
            new = [node for node in kept if node not in self._told]
            self._waiting = new[:LOOK_UPS] + list(self._told)[:LOOKED_UP_AGAIN]
            if new:
                self._ask("getTopicTypes", "", mono)
                return found
        elif method == "getTopicTypes":
            self._types = parse_types(value)
        elif about:
            self._places[about] = parse_place(value)
            found += self._came(about, mono)
        if self._waiting:
            self._ask("lookupNode", self._waiting.pop(0), mono)
        else:
            self._types = {}
        return found

    def _gone(self, now: Set[str], mono: float) -> List[Observation]:
        left = [node for node in self._told if node not in now]
        return [self._state(node, self._told.pop(node), None, mono) for node in sorted(left)]

    def _came(self, name: str, mono: float) -> List[Observation]:
        place, node, before = self._places.get(name), self._nodes[name], self._told.pop(name, None)
        if before is not None and (place is None or place == before.place):
            self._told[name] = before  # at the end: the next ones are asked about in the next round
            return []
        here = None if place is None else self._is_here(place[1][0])
        told = self._told[name] = _Told(place, here)
        found = [self._state(name, told, node, mono)]
        if place is not None and here is False:
            fields: Dict[str, object] = {
                "surface": "ros",
                "what": "ROS 1 node {}".format(name),
                "meaning": "control",
                "client": list(place[1]),
                "publishes": len(node.publishes),
                "types": sorted({self._types[topic] for topic in node.publishes if topic in self._types})[:TYPES_TOLD],
                "services": len(node.services),
            }
            found.append(Observation("control", wall(mono), mono, _SENSOR, fields))
        return found

    def _is_here(self, host: str) -> bool:
        own = os.uname().nodename
        if host in ("localhost", own.lower(), own.lower() + ".local"):
            return True
        try:
            socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        except (OSError, ValueError):
            return False  # another machine's name: it is not looked up, which would block
        return self._scopes.of(host) in HERE

    @staticmethod
    def _state(name: str, told: _Told, node: Optional[Node], mono: float) -> Observation:
        fields: Dict[str, object] = {
            "name": "ros-node",
            "what": name,
            "value": node is not None,
            "uri": None if told.place is None else told.place[0],
            "here": told.here,
        }
        if node is not None:
            fields.update(publishes=len(node.publishes), subscribes=len(node.subscribes), services=len(node.services))
        return Observation("config.state", wall(mono), mono, _SENSOR, fields)
