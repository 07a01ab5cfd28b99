"""How a worker or a web comes to the nodes: as the insider `worker`, over NATS, by TLS where the cluster has it."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from wachhund.broker_insiders import shown_as
from wachhund.broker_member import WORKER_USER
from wachhund.cluster.secret import ClusterSecret
from wachhund.cluster.settings import Cluster
from wachhund.config import Address
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder


@dataclass(frozen=True)
class NatsAccess:
    """The nodes, in no order of meaning, and the account there. `tls`: trusts their certificate and shows ours."""

    servers: Sequence[str]
    username: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def access_of(
    data: DataFolder, cluster: Cluster, secret: ClusterSecret, authority: Authority | None
) -> NatsAccess:  # fmt: skip
    """The way in of this process. `authority`: as `node.authority_of` gives it. Raises MisuseError."""
    scheme = "nats" if authority is None else "tls"
    servers = [f"{scheme}://{Address(node.host, node.client)}" for node in cluster.nodes]
    tls = None if authority is None else shown_as(WORKER_USER, authority, data.path)
    return NatsAccess(servers, WORKER_USER, secret.password(WORKER_USER), tls)
