"""A whole cluster of its own for a fleet: PostgreSQL, nodes and workers on this machine."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.fleet import registering
from tests.robots.nats_cluster import NatsCluster
from tests.robots.whole_cluster import WholeCluster
from tests.waiting import until
from wachhund.broker_member import WORKER_USER

_KNOWN_S = 600.0


class OpenNats(NatsCluster):
    """Its nodes let the fleet speak past their MQTT door."""

    program = ("tests.fleet.open_node",)


class FleetCluster(WholeCluster):
    """`is_open`: the fleet may come straight into the stream. `disk`: the folder on a disk for PostgreSQL, which waits
    for it; None: in memory, for a test."""

    def __init__(self, folder: Path, nodes: int, lanes: int, workers: int, is_open: bool, disk: Path | None) -> None:
        self.disk = disk
        super().__init__(folder, nodes, lanes, workers)
        if is_open:
            self.nats_type = OpenNats

    @property
    def brokers(self) -> list[tuple[str, int]]:
        """The doors for robots."""
        return [("127.0.0.1", node.mqtt) for node in self.nats.cluster.nodes]

    @property
    def direct(self) -> str:
        """The doors past them."""
        password = quote(self.nats.secret.password(WORKER_USER))
        doors = [f"127.0.0.1:{node.client}" for node in self.nats.cluster.nodes]
        return ",".join(f"nats://{WORKER_USER}:{password}@{door}" for door in doors)

    def enlist(self, seed: str, robots: int, say: Callable[[str], None]) -> None:
        """Register a fleet, and wait until each node knows all of it."""
        registering.register(self.data.path, seed, robots, say)
        for node in self.nats.cluster.nodes:
            until(lambda name=node.name: self._known(name) >= robots, _KNOWN_S, f"{node.name} knows them", 0.5)  # type: ignore[misc]

    def _known(self, node: str) -> int:
        return len(self.nats.configuration(node)["accounts"]["ROBOTS"]["users"])

    def pids(self) -> dict[str, int]:
        """All whose memory and CPU are of interest, but PostgreSQL."""
        made = {name: self.worker_pid(name) for name in sorted(self._workers)}
        for node in self.nats.cluster.nodes:
            made[f"{node.name} nats-server"] = self.nats.nats_server(node.name)
            made[f"{node.name} node"] = self.nats.pid(node.name)
        return made
