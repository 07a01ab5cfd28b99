"""Three real nodes: what robots send at any of them lands once in its lane, and stays while nodes come and go."""

import contextlib
import json
import os
import random
import secrets
import signal
import socket
import string
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.robots.nats_cluster import NatsCluster
from tests.robots.running_host import register
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.cluster.bell_wire import BellWire
from wachhund.cluster.evidence_stream import ACK_WAIT_S, EvidenceStream, LaneTaken, StreamMessage
from wachhund.cluster.nats_wire import NatsWire, WireError
from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger.bell import Bell
from wachhund.ledger.lanes import lane_of

# A node that dies while nats-py (2.16) comes back to it: the library opens the next connection over that one and leaves
# closing it to the garbage collector, which says so. The socket is gone with it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")

LANES = 16
SECONDS = 30.0


class Robot:
    """A registered robot's connection to one node, which comes again when it is cut."""

    def __init__(self, cluster: NatsCluster, config: dict[str, str], node: str) -> None:
        self.id, self.node = config["robot"], node
        self.heard: list[tuple[str, bytes]] = []
        self._ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=config["client_id"], clean_session=True)
        self.client.username_pw_set(config["username"], config["password"])
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(f"wachhund/1/{self.id}/receipt", 0)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        until(lambda: self._connects(cluster.mqtt(node)), SECONDS, f"{node} listens", 0.2)
        self.client.loop_start()
        assert self._ready.wait(SECONDS), f"{node} did not let the robot in"

    def _connects(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            self.client.connect("127.0.0.1", port, keepalive=5)
            return True
        return False

    def send(self, payload: bytes, place: str = "evidence", wait: bool = True) -> None:
        sent = self.client.publish(f"wachhund/1/{self.id}/{place}", payload, qos=1)
        if wait:
            sent.wait_for_publish(SECONDS)
            assert sent.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Worker:
    """A wire and the stream on it."""

    def __init__(self, cluster: NatsCluster, node: str | None = None, **bounds: int) -> None:
        self.wire = NatsWire(cluster.access(node), "test")
        self.stream = EvidenceStream(self.wire, cluster.cluster.lanes, cluster.cluster.replicas, **bounds)
        self.wire.start()
        until(lambda: self.wire.is_connected, SECONDS, "it is connected")

    def messages(self, number: int, seconds: float = SECONDS, acknowledge: bool = True) -> list[StreamMessage]:
        found: list[StreamMessage] = []
        deadline = time.monotonic() + seconds
        while len(found) < number and time.monotonic() < deadline:
            found += self.stream.pull(256, 0.5)
        for one in found if acknowledge else ():
            one.acknowledge()
        return found

    def waiting(self) -> int:
        """How much nobody has acknowledged yet; nodes that elect a leader are asked again."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return self.stream.waiting()
            except WireError:
                assert time.monotonic() < deadline, "the nodes do not answer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def configs(folder: Path) -> list[dict[str, str]]:
    """Six registered robots."""
    data = DataFolder(folder / "data").make()
    return [register(data, f"robot {number}", ScriptedRobot(), 1) for number in range(6)]


@pytest.fixture(scope="module")
def cluster(folder: Path, configs: list[dict[str, str]]) -> Iterator[NatsCluster]:
    """Three nodes."""
    with NatsCluster(DataFolder(folder / "data"), lanes=LANES) as running:
        yield running


@pytest.fixture
def connected(cluster: NatsCluster, configs: list[dict[str, str]]) -> Iterator[list[Robot]]:
    """Robots at all three nodes."""
    robots = [Robot(cluster, config, f"n{number % 3 + 1}") for number, config in enumerate(configs)]
    yield robots
    for robot in robots:
        robot.close()


@pytest.fixture
def worker(cluster: NatsCluster) -> Iterator[Worker]:
    """A worker that holds all lanes, newer than any before."""
    made = Worker(cluster)
    epoch = time.time_ns() // 1000
    for lane in range(LANES):
        until(lambda lane=lane: _takes(made.stream, lane, epoch), SECONDS, "the lane is taken", 0.2)  # type: ignore[misc]
    for old in made.messages(10_000, 1.0):
        old.acknowledge()
    yield made
    made.wire.stop()


def _takes(stream: EvidenceStream, lane: int, epoch: int) -> bool:
    try:
        stream.take(lane, epoch)
    except WireError:
        return False
    return True


def test_what_a_robot_sends_at_any_node_lands_once_in_its_lane(connected: list[Robot], worker: Worker) -> None:
    """QoS 1 at each node, evidence and status: one message each, with the time when a node stored it."""
    before = time.time()
    for robot in connected:
        robot.send(robot.id.encode())
        robot.send(b"online", "status")
    found = worker.messages(12) + worker.messages(1, 1.0)
    assert sorted((one.robot, one.place, one.payload) for one in found) == sorted(
        [(robot.id, "evidence", robot.id.encode()) for robot in connected]
        + [(robot.id, "status", b"online") for robot in connected]
    )
    assert [one for one in found if one.lane != lane_of(one.robot, LANES)] == []
    assert all(before - 5 < one.received_t < time.time() + 5 and one.times == 1 for one in found)
    until(lambda: worker.waiting() == 0, SECONDS, "what is acknowledged is gone")


def test_what_was_not_acknowledged_comes_to_the_next_epoch_at_once(
    cluster: NatsCluster, connected: list[Robot], worker: Worker
) -> None:
    """A worker that died keeps nothing back: who takes the lane has its messages, long before any time runs out."""
    robot = connected[0]
    lane, epoch = lane_of(robot.id, LANES), worker.stream.lanes[lane_of(robot.id, LANES)]
    for number in range(5):
        robot.send(b"%d" % number)
    assert len(worker.messages(5, acknowledge=False)) == 5
    other = Worker(cluster)
    try:
        began = time.monotonic()
        other.stream.take(lane, epoch + 1)
        found = other.messages(5)
        assert [one.payload for one in found] == [b"0", b"1", b"2", b"3", b"4"]
        assert time.monotonic() - began < 10
        assert {one.epoch for one in found} == {epoch + 1}
        with pytest.raises(LaneTaken, match=f"lane {lane}: epoch {epoch + 1} has it"):
            worker.stream.take(lane, epoch)
        until(lambda: _pulled_nothing(worker) and lane not in worker.stream.lanes, SECONDS, "the older one learns it")
    finally:
        other.wire.stop()


def _pulled_nothing(worker: Worker) -> bool:
    return worker.stream.pull(256, 0.1) == []


def test_a_worker_is_given_no_more_than_it_asked_for(connected: list[Robot], worker: Worker) -> None:
    """What it can't take stays on the nodes."""
    for number in range(100):
        connected[0].send(b"%d" % number, wait=number == 99)
    until(lambda: worker.waiting() == 100, SECONDS, "all are stored")
    found = [one for _ in range(4) for one in worker.stream.pull(LANES, 2.0)]
    assert 0 < len(found) <= 4 * LANES
    assert all(one.lane == lane_of(connected[0].id, LANES) for one in found)


def test_a_lane_taken_beside_quiet_ones_is_served_at_once(
    cluster: NatsCluster, connected: list[Robot], worker: Worker
) -> None:
    """What was asked of the others and does not come is not waited for: not when it is taken, nor with less room."""
    robot = connected[0]
    lane = lane_of(robot.id, LANES)
    epoch = worker.stream.lanes[lane] + 1
    other = Worker(cluster)
    try:
        for quiet in set(range(LANES)) - {lane}:
            other.stream.take(quiet, epoch)
            assert other.stream.pull(256, 0.1) == []
        other.stream.take(lane, epoch)
        for number in range(30):
            sent = time.monotonic()
            robot.send(b"%d" % number)
            (found,) = other.stream.pull(LANES if number % 2 else 256, SECONDS)
            assert found.payload == b"%d" % number
            assert time.monotonic() - sent < 2.0
            found.acknowledge()
    finally:
        other.wire.stop()


def test_receipts_reach_a_robot_at_another_node(cluster: NatsCluster, connected: list[Robot]) -> None:
    """And no other robot."""
    one = Worker(cluster, "n1")
    try:
        for robot in connected:
            one.stream.publish(f"wachhund.1.{robot.id}.receipt", robot.id.encode())
        for robot in connected:
            until(lambda robot=robot: robot.heard, SECONDS, "the receipt comes")  # type: ignore[misc]
            assert robot.heard == [(f"wachhund/1/{robot.id}/receipt", robot.id.encode())]
    finally:
        one.wire.stop()


def test_a_bell_rings_across_and_not_back(cluster: NatsCluster) -> None:
    """Ten rings in a moment are few messages, the last of them after the last ring; nobody answers with a ring."""
    bells = [Bell(), Bell(), Bell()]
    wires = [NatsWire(cluster.access(f"n{number + 1}"), "test") for number in range(3)]
    rung = [BellWire(wire, bell) for wire, bell in zip(wires, bells, strict=True)]
    for wire in wires:
        wire.start()
    try:
        for wire in wires:
            until(lambda wire=wire: wire.is_connected, SECONDS, "connected")  # type: ignore[misc]
            wire.call(lambda client: client.flush(), 5)

        def all_heard() -> bool:
            bells[0].ring()
            return bells[1].wait(0, 0.5) > 0 and bells[2].wait(0, 0.5) > 0

        until(all_heard, SECONDS, "they ring")
        quiet = bells[0].rings, time.monotonic()
        for _ in range(10):
            bells[0].ring()
        heard = [bell.rings for bell in bells[1:]]
        time.sleep(1.5)  # so long nothing may come but what is due
        assert bells[0].rings == quiet[0] + 10
        for bell, before in zip(bells[1:], heard, strict=True):
            assert before < bell.rings <= before + 3
    finally:
        for one in rung:
            one.stop()
        for wire in wires:
            wire.stop()


@pytest.mark.timeout(300)
def test_a_node_that_dies_takes_nothing_with_it_and_comes_back(
    cluster: NatsCluster, configs: list[dict[str, str]], worker: Worker
) -> None:
    """Stored before, sent meanwhile and again as robots do, and sent at the node that came back: all of it comes.

    The node is the one that the worker is connected to: it goes on at another by itself.
    """
    port = worker.wire.call(_port, SECONDS)
    victim, other = sorted(
        (node.name for node in cluster.cluster.nodes), key=lambda name: cluster.client(name) != port
    )[:2]
    first = Robot(cluster, configs[0], victim)
    for number in range(20):
        first.send(b"before %d" % number)
    until(lambda: worker.waiting() == 20, SECONDS, "they are stored")
    first.close()
    cluster.kill(victim)
    second = Robot(cluster, configs[1], other)
    missing = {b"meanwhile %d" % number for number in range(20)}
    missing |= {b"before %d" % number for number in range(20)}

    def all_came() -> bool:
        # Until another node leads the stream nothing is stored: a robot has no receipt then, and sends it again.
        for payload in missing:
            if payload.startswith(b"meanwhile"):
                second.send(payload)
        for one in worker.messages(len(missing), 2.0):
            missing.discard(one.payload)
        return not missing

    until(all_came, 2 * SECONDS, "what was stored and what is sent again comes")
    second.close()
    cluster.start(victim)
    third = Robot(cluster, configs[2], victim)
    after = {b"after %d" % number for number in range(20)}

    def the_rest_came() -> bool:
        for payload in after:
            third.send(payload)
        after.difference_update(one.payload for one in worker.messages(20, 2.0))
        return not after

    until(the_rest_came, SECONDS, "what came by the node that is back")
    third.close()
    # An acknowledgement that went with the node is missed by the others: its message comes again after a while.
    left_s = ACK_WAIT_S + SECONDS
    until(lambda: not worker.messages(1, 0.5) and worker.waiting() == 0, left_s, "nothing is left")


async def _port(client: Any) -> int:
    return int(client.connected_url.port)


def test_a_nats_server_that_dies_alone_is_started_again(cluster: NatsCluster, configs: list[dict[str, str]]) -> None:
    """By its node, with what it had stored."""
    before = cluster.nats_server("n3")
    os.kill(before, signal.SIGKILL)
    until(lambda: cluster.nats_server("n3", none=before) != before, SECONDS, "another one runs", 0.1)
    Robot(cluster, configs[3], "n3").close()
    assert "nats-server ended (status -9) and is started again" in cluster.log("n3").read_text()


def test_what_is_stored_outlives_all_nodes(cluster: NatsCluster, configs: list[dict[str, str]]) -> None:
    """A cluster that is stopped and started has what nobody had taken."""
    robot = Robot(cluster, configs[4], "n1")
    writer = Worker(cluster)
    before = writer.waiting()
    for number in range(10):
        robot.send(b"kept %d" % number)
    until(lambda: writer.waiting() == before + 10, SECONDS, "they are stored")
    robot.close()
    cluster.stop()
    for name in ("n1", "n2", "n3"):
        cluster.start(name, wait=False)
    for name in ("n1", "n2", "n3"):
        cluster.wait_for(name)
    worker = Worker(cluster)
    epoch = time.time_ns() // 1000
    for lane in range(LANES):
        until(lambda lane=lane: _takes(worker.stream, lane, epoch), 2 * SECONDS, "taken", 0.2)  # type: ignore[misc]
    found = {one.payload for one in worker.messages(before + 10)}
    assert found >= {b"kept %d" % number for number in range(10)}
    worker.wire.stop()
    until(lambda: writer.wire.is_connected, SECONDS, "who was connected before comes again by itself")
    writer.wire.stop()


def test_the_workers_door_is_shut_to_robots_and_to_who_has_no_password(
    cluster: NatsCluster, configs: list[dict[str, str]]
) -> None:
    """A robot's account is for MQTT only."""
    port, good = cluster.cluster.node("n2").client, cluster.secret.password("worker")
    assert "PONG" in said_to(port, "worker", good)
    for user, password in (
        ("worker", secrets.token_urlsafe(24)), ("worker", ""), ("", ""), ("host", good), ("pulse", good),
        (configs[0]["username"], configs[0]["password"]), ("route", cluster.secret.password("route")),
    ):  # fmt: skip
        assert "Authorization Violation" in said_to(port, user, password), user


def said_to(port: int, user: str, password: str) -> str:
    """What the workers' door says to somebody's greeting."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as door, door.makefile("rwb") as stream:
        stream.readline()
        greeting = json.dumps({"user": user, "pass": password, "verbose": False, "lang": "test", "version": "1"})
        stream.write(f"CONNECT {greeting}\r\nPING\r\n".encode())
        stream.flush()
        return stream.readline().decode()


def test_the_nodes_find_the_same_lanes_as_we_do(cluster: NatsCluster, worker: Worker) -> None:
    """10,000 robot ids, by 1, 16 and 128 lanes: where one is looked for is where the nodes have put it."""
    letters = random.Random(5)
    ids = ["".join(letters.choices(string.ascii_lowercase + string.digits, k=10)) for _ in range(10_000)]

    async def put(client: Any, count: int) -> set[str]:
        name, dest = f"TRY{count}", f"lane.{{{{partition({count},1)}}}}.{{{{wildcard(1)}}}}"
        settings = {
            "name": name, "subjects": ["wachhund.1.*.receipt"], "storage": "file", "num_replicas": 1,
            "subject_transform": {"src": "wachhund.1.*.receipt", "dest": dest},
        }  # fmt: skip
        made = json.loads((await client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps(settings).encode())).data)
        assert "error" not in made, made
        for robot in ids:
            await client.publish(f"wachhund.1.{robot}.receipt", b"")
        await client.flush()
        found: dict[str, int] = {}
        while len(found) < len(ids):
            asked = json.dumps({"subjects_filter": ">", "offset": 0}).encode()
            answer = json.loads((await client.request(f"$JS.API.STREAM.INFO.{name}", asked, timeout=10)).data)
            found = answer["state"].get("subjects") or {}
        await client.request(f"$JS.API.STREAM.DELETE.{name}", b"")
        return set(found)

    for count in (1, 16, 128):
        found = worker.wire.call(lambda client, count=count: put(client, count), SECONDS)
        assert found == {f"lane.{lane_of(robot, count)}.{robot}" for robot in ids}


def test_a_robot_reaches_its_own_topics_and_nothing_else(
    cluster: NatsCluster, connected: list[Robot], worker: Worker
) -> None:
    """Not another's evidence, no lane, not the stream's interface, not the bell; nothing of it is stored."""
    mine, other = connected[0], connected[1]
    granted: list[bool] = []
    told = threading.Event()

    def subscribed(_client: object, _data: object, _mid: int, reasons: list[object], _more: object) -> None:
        granted.extend(not reason.is_failure for reason in reasons)  # type: ignore[attr-defined]
        told.set()

    mine.client.on_subscribe = subscribed  # type: ignore[assignment]
    lane = lane_of(other.id, LANES)
    topics = [
        f"wachhund/1/{other.id}/receipt", "wachhund/1/+/evidence", f"lane/{lane}/{other.id}/evidence", "lane/#", "#",
        "$JS/API/#", "$JS/#", "_INBOX/#", "wachhund/changed", "wachhund/1/pulse/n1", "$SYS/#", "$MQTT/#",
    ]  # fmt: skip
    mine.client.subscribe([(topic, 0) for topic in topics])
    assert told.wait(SECONDS)
    assert granted == [False] * len(topics)
    bell = Bell()
    wire = NatsWire(cluster.access("n1"), "test")
    BellWire(wire, bell)
    wire.start()
    until(lambda: wire.is_connected, SECONDS, "connected")
    try:
        for topic in (
            f"wachhund/1/{other.id}/evidence", f"wachhund/1/{other.id}/receipt", f"lane/{lane}/{other.id}/evidence",
            "wachhund/changed", "$JS/API/STREAM/DELETE/EVIDENCE", "$JS/API/STREAM/PURGE/EVIDENCE",
        ):  # fmt: skip
            mine.client.publish(topic, b"{}", qos=1)
        mine.send(b"mine")
        found = worker.messages(1) + worker.messages(1, 1.0)
        assert [(one.robot, one.payload) for one in found] == [(mine.id, b"mine")]
        assert other.heard == [] and bell.rings == 0
    finally:
        wire.stop()


def test_what_does_not_fit_is_not_stored_and_breaks_nothing(
    cluster: NatsCluster, connected: list[Robot], worker: Worker
) -> None:
    """One robot's share is full: its messages are lost before they are receipted, and the others' are taken in."""
    bounded = Worker(cluster, most_of_a_robot=10)
    try:
        until(lambda: bounded.waiting() >= 0, SECONDS, "the stream has the bound")
        for number in range(30):
            connected[0].send(b"%d" % number)
        connected[1].send(b"other")
        until(lambda: bounded.waiting() == 11, SECONDS, "a robot's share is full")
        found = worker.messages(11)
        assert sorted(one.payload for one in found) == sorted([*(b"%d" % n for n in range(10)), b"other"])
        until(lambda: bounded.waiting() == 0, SECONDS, "there is room")
        connected[0].send(b"again")
        assert [one.payload for one in worker.messages(1)] == [b"again"]
    finally:
        bounded.wire.stop()
    full = Worker(cluster, max_bytes=64 * 1024)
    try:
        until(lambda: full.waiting() >= 0, SECONDS, "the stream has the bound")
        for _ in range(5):
            for robot in connected:
                robot.send(b"x" * 8192)
        stored = full.waiting()
        assert 1 <= stored < 8
        assert len(worker.messages(stored)) == stored
        until(lambda: full.waiting() == 0, SECONDS, "there is room")
        connected[0].send(b"again")
        assert [one.payload for one in worker.messages(1)] == [b"again"]
    finally:
        full.wire.stop()
        restored = Worker(cluster)
        restored.waiting()
        restored.wire.stop()


def test_a_robot_registered_while_the_nodes_run_is_let_in(cluster: NatsCluster, folder: Path, worker: Worker) -> None:
    """Each node reads the roster by itself; those that are connected stay so."""
    late = ScriptedRobot()
    config = register(DataFolder(folder / "data"), f"late {late.kid}", late, 1)
    robot = Robot(cluster, config, "n3")
    robot.send(b"late")
    assert [one.payload for one in worker.messages(1)] == [b"late"]
    robot.close()
    assert worker.wire.is_connected


def test_a_worker_that_a_node_sends_off_comes_again(cluster: NatsCluster) -> None:
    """As at a node whose secret was changed before the worker's: the library gives up at that, the wire does not."""
    at_one = Worker(cluster, "n1")
    file = cluster.data.path / "nodes" / "n1" / "broker.conf"
    right = file.read_text()
    told = json.loads(right)
    users = told["accounts"]["HOST"]["users"]
    users[0]["password"] = users[1]["password"]
    try:
        file.write_text(json.dumps(told))
        os.kill(cluster.nats_server("n1"), signal.SIGHUP)
        until(lambda: not at_one.wire.is_connected, SECONDS, "it is sent off")
        assert at_one.wire.fault
    finally:
        file.write_text(right)
        os.kill(cluster.nats_server("n1"), signal.SIGHUP)
    until(lambda: at_one.wire.is_connected, SECONDS, "it is let in again")
    assert at_one.waiting() == 0
    at_one.wire.stop()
