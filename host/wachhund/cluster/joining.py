"""How a worker or a web joins the cluster that its data folder belongs to."""

from wachhund.cluster import secret
from wachhund.cluster.nats_access import access_of
from wachhund.cluster.nats_wire import NatsWire
from wachhund.cluster.node import authority_of
from wachhund.cluster.settings import Cluster
from wachhund.fleet.data_folder import DataFolder


def join(data: DataFolder, cluster: Cluster, name: str) -> NatsWire:
    """This process's wire to the nodes, not started yet. `name`: of the process. Raises MisuseError."""
    return NatsWire(access_of(data, cluster, secret.read(data), authority_of(data, cluster)), name)
