"""What a broker is told that is one of several: a cluster's node. Pure.

Robots find the same doors and rights at each. Beside them there are routes between the nodes, a door for the host's
workers and webs (NATS, in the host's account), and a store that is kept, because the others count on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wachhund.config import Address

WORKER_USER, ROUTE_USER = "worker", "route"
CHANGED = "wachhund.changed"  # rings the bell of every worker and web
EVIDENCE_BYTES = 1024 * 1024 * 1024  # of the stream: what is more waits in the robots' journals
# What a worker or a web may do in the host's account: the stream, receipts, the bell, and answers to what it asked.
WORKER_PUBLISHES = ("$JS.API.>", "$JS.ACK.>", "wachhund.1.*.receipt", CHANGED)
WORKER_READS = ("_INBOX.>", CHANGED)


@dataclass(frozen=True)
class RouteFiles:
    """The node's own certificate and key, good for both ends of a route, and the authority's certificate (PEM)."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class Member:
    """One node. `listens_at`: the address of its doors; `routes`: of all other nodes; `host`: how they find this one.

    `worker_hash`: bcrypt of the workers' password. `replicas`: nodes that hold each message.
    """

    name: str
    folder: Path
    host: str
    listens_at: str
    client_port: int
    route_port: int
    routes: Sequence[Address]
    replicas: int
    worker_hash: str = field(repr=False)
    route_password: str = field(repr=False)
    route_tls: RouteFiles | None = None


def joined(alone: dict[str, Any], member: Member) -> dict[str, Any]:
    """The settings of a broker that stands alone, made those of a node."""
    door_tls = alone["mqtt"].get("tls")
    several = len(member.routes) > 0
    own: dict[str, Any] = {
        **alone,
        "server_name": member.name,
        "host": member.listens_at,
        "port": member.client_port,
        # Robots' sessions and what they send with QoS 1 outlive the node that they were connected to.
        "mqtt": {**alone["mqtt"], "stream_replicas": member.replicas, "consumer_memory_storage": True},
        # A worker whose node is gone is missed by nobody: it comes to another one by itself.
        "ping_interval": "10s",
        "ping_max": 2,
    }
    if door_tls is not None:
        own["tls"] = door_tls
    if several:
        own["cluster"] = _cluster(member)
    return own


def _cluster(member: Member) -> dict[str, Any]:
    # The password has letters, digits, - and _ only: nothing of it has to be escaped in an address.
    made: dict[str, Any] = {
        "name": "wachhund",
        "host": member.listens_at,
        "port": member.route_port,
        "advertise": str(Address(member.host, member.route_port)),
        "no_advertise": True,  # workers know the nodes from cluster.json, by the names that stand in the certificate
        "authorization": {"user": ROUTE_USER, "password": member.route_password, "timeout": 5},
        "routes": [f"nats-route://{ROUTE_USER}:{member.route_password}@{route}" for route in member.routes],
        "ping_interval": "5s",
    }
    if member.route_tls is not None:
        made["tls"] = {
            "cert_file": str(member.route_tls.certificate),
            "key_file": str(member.route_tls.key),
            "ca_file": str(member.route_tls.authority),
            "min_version": "1.3",
            "timeout": 5,
        }
    return made
