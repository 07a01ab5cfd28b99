"""A node that is up before the others: it can carry nothing yet, and stands in nobody's way."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ledger_place import ready
from tests.robots.nats_cluster import NatsCluster
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger

SECONDS = 60.0
LOOKS_S = 3.0  # six times what it takes to read the roll
PROMPT_S = 2.0  # nats-server stood still for 4.5


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    """Three nodes of which none runs."""
    made = NatsCluster(DataFolder(tmp_path / "data"), lanes=2)
    Ledger.open(ready(made.data.ledger)).close()
    yield made
    made.stop()


def greeted_within(cluster: NatsCluster) -> float:
    """How long the workers' door takes to say who it is, in seconds."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", cluster.client("n1")), SECONDS) as door:
        assert door.recv(4) == b"INFO"
    return time.monotonic() - begun


def test_a_robot_registered_before_the_others_are_up_is_let_in_and_holds_nothing_up(cluster: NatsCluster) -> None:
    """Its door goes on answering, and the robot comes in once two nodes have found each other."""
    cluster.start("n1")
    robot = ScriptedRobot()
    config = register(cluster.data, "early", robot, cluster.mqtt("n1"))
    begun, longest = time.monotonic(), 0.0
    while time.monotonic() - begun < LOOKS_S:
        longest = max(longest, greeted_within(cluster))
    assert longest < PROMPT_S
    for other in ("n2", "n3"):
        cluster.start(other)
    OverMqtt(robot, config, HostKeys.load_or_create(cluster.data).key.public_key()).close()
