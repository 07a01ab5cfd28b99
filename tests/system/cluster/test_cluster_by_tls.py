"""The nodes by TLS: doors and routes show certificates of the host's own authority, and ask for one."""

import contextlib
import json
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.nats_cluster import NatsCluster
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.waiting import until
from wachhund.cluster.evidence_stream import EvidenceStream
from wachhund.cluster.nats_wire import NatsWire, WireError
from wachhund.fleet.credentials import insider_identity, robot_identity
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund_evidence import private_key_pem, thumbprint

SECONDS = 30.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    """Three nodes by TLS, which can't have found each other but by their routes' certificates."""
    with NatsCluster(DataFolder(tmp_path_factory.mktemp("tls") / "data"), lanes=2, tls=True) as running:
        yield running


def shows(cluster: NatsCluster, identity: str, key: Ed25519PrivateKey) -> ssl.SSLContext:
    """Who trusts the authority and shows its certificate of that name."""
    assert cluster.authority is not None
    context = ssl.create_default_context(cadata=cluster.authority.certificate)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(private_key_pem(key) + cluster.authority.issue(identity, key.public_key()).encode("ascii"))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def test_a_robot_and_a_worker_come_by_tls(cluster: NatsCluster) -> None:
    """Evidence at one node, taken at another."""
    robot = ScriptedRobot()
    config = register(cluster.data, f"robot {robot.kid}", robot, cluster.mqtt("n1"))
    tls = shows(cluster, robot_identity(config["robot"], thumbprint(robot.key.public_key())), robot.key)
    keys = HostKeys.load_or_create(cluster.data)
    wire = NatsWire(cluster.access("n3"), "test")
    stream = EvidenceStream(wire, 2, 3)
    wire.start()

    def takes() -> bool:
        with contextlib.suppress(WireError):
            for lane in (0, 1):
                stream.take(lane, 1)
            return True
        return False

    try:
        until(takes, SECONDS, "the lanes are taken", 0.2)
        connected = OverMqtt(robot, config, keys.key.public_key(), tls=tls)
        connected.send(b"by tls")
        (message,) = stream.pull(2, SECONDS)
        assert (message.robot, message.payload) == (config["robot"], b"by tls")
        message.acknowledge()
        connected.close()
    finally:
        wire.stop()


def test_a_worker_needs_its_certificate_and_its_password(cluster: NatsCluster) -> None:
    """A robot's certificate is of the same authority, and opens nothing there; nor does the worker's alone."""
    robot = ScriptedRobot()
    config = register(cluster.data, f"other {robot.kid}", robot, cluster.mqtt("n1"))
    port, good = cluster.cluster.node("n2").client, cluster.secret.password("worker")
    own = shows(cluster, insider_identity("worker"), Ed25519PrivateKey.generate())
    theirs = shows(cluster, robot_identity(config["robot"], thumbprint(robot.key.public_key())), robot.key)
    assert cluster.authority is not None
    none = ssl.create_default_context(cadata=cluster.authority.certificate)
    until(lambda: config["robot"] in str(cluster.configuration("n2")), SECONDS, "the node reads who is new")
    # A node that takes in who is new sends off whoever is about to say who he is: a worker comes again.
    until(lambda: said_to(port, own, "urn:wachhund:worker", good) == "PONG", SECONDS, "the worker is let in")
    for tls, user, password in (
        (own, "urn:wachhund:worker", "wrong"), (own, "urn:wachhund:worker", ""), (theirs, "urn:wachhund:worker", good),
        (theirs, config["username"], config["password"]), (none, "urn:wachhund:worker", good),
    ):  # fmt: skip
        assert said_to(port, tls, user, password) != "PONG"


def said_to(port: int, tls: ssl.SSLContext, user: str, password: str) -> str:
    """The first word that the workers' door says to a greeting; empty where it hangs up."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as door:
        while door.recv(1) not in (b"\n", b""):
            pass  # it says who it is before TLS begins
        try:
            with tls.wrap_socket(door, server_hostname="127.0.0.1") as inside, inside.makefile("rwb") as stream:
                greeting = json.dumps({"user": user, "pass": password, "verbose": False, "lang": "test"})
                stream.write(f"CONNECT {greeting}\r\nPING\r\n".encode())
                stream.flush()
                return (stream.readline().decode().split() or [""])[0]
        except OSError:
            return ""


def test_the_routes_are_shut_to_who_has_a_robots_certificate(cluster: NatsCluster) -> None:
    """It gets by TLS, and no further: the nodes' password is asked for."""
    robot = ScriptedRobot()
    tls = shows(cluster, robot_identity("abcdefghij", robot.kid), robot.key)
    with (
        socket.create_connection(("127.0.0.1", cluster.cluster.node("n1").route), SECONDS) as door,
        tls.wrap_socket(door, server_hostname="127.0.0.1") as inside,
        inside.makefile("rwb") as stream,
    ):
        greeting = {"server_id": "X", "name": "x", "headers": True, "cluster": "wachhund", "proto": 1}
        stream.write(b'CONNECT {"user":"route","pass":"guess","verbose":false,"name":"x","cluster":"wachhund"}\r\n')
        stream.write(f"INFO {json.dumps(greeting)}\r\nPING\r\n".encode())
        stream.flush()
        said = b"".join(iter(stream.readline, b""))
    assert b"Authorization Violation" in said
    assert b"PONG" not in said


def test_nothing_of_the_secret_stands_where_others_read(cluster: NatsCluster) -> None:
    """Not in a node's words and log; the configuration, which has the routes' password, is its owner's only."""
    words = [cluster.secret.password(of) for of in ("worker", "route")]
    for node in ("n1", "n2", "n3"):
        folder = cluster.data.path / "nodes" / node
        for file in (cluster.log(node), folder / "broker.log"):
            text = file.read_text(errors="replace")
            assert [word for word in words if word in text] == []
        assert words[0] not in (folder / "broker.conf").read_text()
        for name in ("broker.conf", "route.key"):
            assert (folder / name).stat().st_mode & 0o077 == 0
        assert Path(folder).stat().st_mode & 0o077 == 0
