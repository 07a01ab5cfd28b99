"""`cluster.json`: the machines of a host that has several, and how many lanes its evidence goes in.

The same file lies in the data folder of every machine.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wachhund.config import Address, parse_name
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.doors import Doors
from wachhund.ledger.lanes import MOST_LANES
from wachhund_evidence import MisuseError, RejectedEvidence, strict_json
from wachhund_evidence.enrolment import MAX_ADDRESSES

MAX_NODES = 9  # each keeps a copy of who may do what, and votes; more make no cluster safer
MAX_NAMES = 8
MQTT_PORT, CLIENT_PORT, ROUTE_PORT = 8883, 4222, 6222
ENROL_PORT, MONITOR_PORT = 8443, 8222
REPLICAS = 3  # machines that hold each message; with one machine it is one
_MAX_BYTES = 64 * 1024
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class Node:
    """One machine. `host`: how robots, workers and the other nodes reach it; the ports of its three doors."""

    name: str
    host: str
    mqtt: int = MQTT_PORT
    client: int = CLIENT_PORT
    route: int = ROUTE_PORT

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine reach it."""
        return Address(self.host, self.client).is_loopback


@dataclass(frozen=True)
class Cluster:
    """`tls`: robots, workers and nodes come by TLS. `names`: by which robots reach the nodes beside their own hosts.

    `enrol`: the port of each node at which robots enrol; `monitor`: the one at which nats-server tells programs on its
    own machine how it is. 0: none.
    """

    lanes: int
    nodes: tuple[Node, ...]
    tls: bool = True
    names: tuple[str, ...] = ()
    enrol: int = 0
    monitor: int = 0

    @property
    def replicas(self) -> int:
        """On how many nodes each message lies."""
        return min(REPLICAS, len(self.nodes))

    def node(self, name: str) -> Node:
        """The node of that name. Raises MisuseError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise MisuseError(f"node {name!r}: not in cluster.json, which has: {', '.join(one.name for one in self.nodes)}")

    def doors(self) -> Doors:
        """How robots reach the nodes: by their own hosts, and by `names` at the ports of the first."""
        reached = [(node.host, node.mqtt) for node in self.nodes] + [(name, self.nodes[0].mqtt) for name in self.names]
        return Doors(
            tuple(str(Address(host, self.enrol)) for host, _ in reached if self.enrol),
            tuple(f"mqtts://{Address(host, port)}" for host, port in reached),
        )

    def door_names(self) -> list[str]:
        """The names that the certificate of the doors has to have: of all nodes, so that it is the same on each."""
        own = ["127.0.0.1", "::1", "localhost"]  # a node's own parts come by loopback and check as strictly as anybody
        return list(dict.fromkeys([*self.names, *(node.host for node in self.nodes), *own]))


def path_of(data: DataFolder) -> Path:
    """Where the settings lie."""
    return data.path / "cluster.json"


def is_cluster(data: DataFolder) -> bool:
    """Whether this data folder belongs to a cluster."""
    return path_of(data).is_file()


def checked(cluster: Cluster, where: str) -> Cluster:
    """The same, if it can work. `where`: what to mend. Raises MisuseError."""

    def wrong(what: str) -> MisuseError:
        return MisuseError(f"{where}: {what}")

    if not 1 <= cluster.lanes <= MOST_LANES:
        raise wrong(f"{cluster.lanes} lanes: give 1 to {MOST_LANES}")
    if len(cluster.nodes) == 2:
        raise wrong("2 nodes: neither works without the other: give one, or three")
    if not 1 <= len(cluster.nodes) <= MAX_NODES:
        raise wrong(f"{len(cluster.nodes)} nodes: give one, or 3 to {MAX_NODES}")
    taken: set[tuple[str, int]] = set()
    names: set[str] = set()
    for node in cluster.nodes:
        if _NAME.fullmatch(node.name) is None:
            raise wrong(f"node {node.name!r}: give a name of a-z, 0-9 and -, up to 32 characters")
        if node.name in names:
            raise wrong(f"node {node.name}: is there twice: give each another name")
        names.add(node.name)
        _host(node.host, wrong)
        for port in (node.mqtt, node.client, node.route):
            if not 1 <= port <= 65535:
                raise wrong(f"node {node.name}: port {port}: give 1 to 65535")
            if (node.host, port) in taken:
                raise wrong(f"node {node.name}: port {port} of {node.host} is there twice: give each door its own")
            taken.add((node.host, port))
        if not cluster.tls and not node.is_loopback:
            raise wrong(f"node {node.name}: {node.host} is reached from other machines: that goes by TLS only")
    for port in filter(None, (cluster.enrol, cluster.monitor)):
        if not 1 <= port <= 65535:
            raise wrong(f"port {port}: give 1 to 65535, or 0 for none")
        if len({node.host for node in cluster.nodes}) < len(cluster.nodes):
            raise wrong(f"port {port}: several nodes are on one machine, and only one can have it: give 0")
    if cluster.enrol and not cluster.tls:
        raise wrong(f"enrol {cluster.enrol}: robots enrol by TLS only: give 0")
    if cluster.enrol and len(cluster.doors().enrol) > MAX_ADDRESSES:
        raise wrong(f"an invitation holds {MAX_ADDRESSES} addresses: give fewer names, or 0 for enrol")
    if len(cluster.names) > MAX_NAMES:
        raise wrong(f"{len(cluster.names)} names: give {MAX_NAMES} at most")
    for name in cluster.names:
        _host(name, wrong)
    return cluster


def _host(host: str, wrong: Any) -> None:
    try:
        good = parse_name(host) == host
    except MisuseError:
        good = False
    if not good:
        raise wrong(f"{host!r}: give a host name or an address, without a port")


def parse_node(text: str) -> Node:
    """`NAME=HOST[:MQTT[:CLIENT[:ROUTE]]]`; an IPv6 address in brackets. Raises MisuseError."""
    found = re.fullmatch(r"([^=]+)=(\[[^\]]+\]|[^:\[\]]+)((?::[0-9]{1,5}){0,3})", text)
    if found is None:
        raise MisuseError(f"--node: {text!r}: give NAME=HOST[:MQTT[:CLIENT[:ROUTE]]], such as n1=10.0.0.11")
    ports = [int(port) for port in found[3].split(":")[1:]]
    mqtt, client, route = [*ports, *(MQTT_PORT, CLIENT_PORT, ROUTE_PORT)[len(ports) :]]
    return Node(found[1], found[2].strip("[]"), mqtt, client, route)


def render(cluster: Cluster) -> str:
    """The text of the file."""
    nodes = [{"name": n.name, "host": n.host, "mqtt": n.mqtt, "client": n.client, "route": n.route}
             for n in cluster.nodes]  # fmt: skip
    made = {"lanes": cluster.lanes, "tls": cluster.tls, "names": list(cluster.names), "enrol": cluster.enrol,
            "monitor": cluster.monitor, "nodes": nodes}  # fmt: skip
    return json.dumps(made, indent=1) + "\n"


def read(data: DataFolder) -> Cluster:
    """The settings of this data folder. Raises MisuseError."""
    path = path_of(data)
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise MisuseError(
            f"cluster: {path} is missing: make it with `wachhund cluster init`, or copy it from another machine"
        ) from None
    except OSError as error:
        raise MisuseError(f"cluster: {path}: {error.strerror}: give this user the right to read it") from None
    if len(raw) > _MAX_BYTES:
        raise MisuseError(f"cluster: {path}: more than {_MAX_BYTES} bytes: put back a copy")
    return parse(raw, f"cluster: {path}")


def parse(raw: bytes, where: str) -> Cluster:
    """The settings in these bytes. Raises MisuseError, which begins with `where`."""
    try:
        found = strict_json.parse_object(raw)
    except RejectedEvidence as error:
        raise MisuseError(f"{where}: {error}: put back a copy") from None
    _keys(found, {"lanes", "nodes"}, {"tls", "names", "enrol", "monitor"}, where)
    lanes = _number(found["lanes"], f"{where}: lanes")
    tls = found.get("tls", True)
    if not isinstance(tls, bool):
        raise MisuseError(f"{where}: tls: write true or false")
    names = _texts(found.get("names", []), f"{where}: names")
    if not isinstance(found["nodes"], list):
        raise MisuseError(f"{where}: nodes: write a list")
    nodes = tuple(_node(one, f"{where}: nodes") for one in found["nodes"])
    enrol, monitor = (_number(found.get(name, 0), f"{where}: {name}") for name in ("enrol", "monitor"))
    return checked(Cluster(lanes, nodes, tls, names, enrol, monitor), where)


def _node(found: object, where: str) -> Node:
    if not isinstance(found, dict):
        raise MisuseError(f"{where}: write objects with name and host")
    ports = {"mqtt": MQTT_PORT, "client": CLIENT_PORT, "route": ROUTE_PORT}
    _keys(found, {"name", "host"}, set(ports), where)
    name, host = _texts([found["name"], found["host"]], f"{where}: name and host")
    given = {door: _number(found.get(door, port), f"{where}: {door}") for door, port in ports.items()}
    return Node(name, host, **given)


def _keys(found: dict[str, Any], needed: set[str], allowed: set[str], where: str) -> None:
    for key in sorted(needed - found.keys()):
        raise MisuseError(f"{where}: {key} is missing: write it")
    for key in sorted(found.keys() - needed - allowed):
        raise MisuseError(f"{where}: {key[:40]!r}: no such setting: take it out")


def _number(value: object, where: str) -> int:
    if type(value) is not int:
        raise MisuseError(f"{where}: write a number")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise MisuseError(f"{where}: write texts")
    return tuple(value)


def write(data: DataFolder, cluster: Cluster) -> None:
    """Write the file, whole or not at all. Raises MisuseError."""
    path = path_of(data)
    unfinished = path.with_name(path.name + ".new")
    try:
        unfinished.write_text(render(cluster), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise MisuseError(f"cluster: {path}: {error.strerror}: give this user the right to write there") from None
