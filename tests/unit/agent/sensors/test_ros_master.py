"""The nodes of a ROS 1 master: who came, who left, who is elsewhere; and masters that mean harm.

The masters here are sockets that say what a test wants. A real one is asked in tests/system/sensing/test_ros.py.
"""

import socket
import threading
import time
import xmlrpc.client
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional

import pytest

from wachhund_agent.sensors import ros_master
from wachhund_agent.sensors.ros_master import RosMasterSense, parse_place, parse_state, parse_types
from wachhund_agent.sensors.scope import Scopes
from wachhund_evidence import Observation

HERE, AWAY = "http://192.0.2.1:40000/", "http://198.51.100.7:40001/"


class Master:
    """Listens as a master does. `answer`: bytes for a call, None to close the connection."""

    def __init__(self) -> None:
        self.nodes: Dict[str, str] = {}
        self.topics: Dict[str, List[str]] = {}
        self.calls: List[str] = []
        self.answer: Callable[[str, List[Any]], Optional[bytes]] = self.honest
        self._listener = _listener()
        self.port = self._listener.getsockname()[1]
        self._open: List[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def honest(self, method: str, arguments: List[Any]) -> bytes:
        value: Any = [-1, "unknown", ""]
        if method == "getSystemState":
            silent = [["/none", [node]] for node in self.nodes]
            value = [1, "current system state", [[[topic, nodes] for topic, nodes in self.topics.items()], silent, []]]
        elif method == "getTopicTypes":
            value = [1, "current topics", [[topic, "std_msgs/String"] for topic in self.topics]]
        elif arguments[1] in self.nodes:
            value = [1, "node api", self.nodes[arguments[1]]]
        return http(xmlrpc.client.dumps((value,), methodresponse=True).encode())

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        try:
            self._answer(connection, file)
        except OSError:
            return  # the other side closed
        finally:
            file.close()

    def _answer(self, connection: socket.socket, file: BinaryIO) -> None:
        while True:
            size = 0
            for line in iter(file.readline, b"\r\n"):
                if not line:
                    return
                if line.lower().startswith(b"content-length"):
                    size = int(line.split(b":")[1])
            arguments, method = xmlrpc.client.loads(file.read(size).decode())
            self.calls.append(str(method))
            said = self.answer(str(method), list(arguments))
            if said is None:
                connection.shutdown(socket.SHUT_RDWR)
                return
            connection.sendall(said)

    def drop_connections(self) -> None:
        """As a master that is started anew."""
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.drop_connections()
        for thread in self._threads[1:]:
            thread.join()
        for one in (self._listener, *self._open):
            one.close()


def _listener() -> socket.socket:
    made = socket.socket()  # Python 3.7 has no create_server
    made.bind(("127.0.0.1", 0))
    made.listen(8)
    return made


def http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Robot:
    """A sense on a robot with this address, at a clock of its own."""

    def __init__(self, master: Master) -> None:
        self.doors = [("tcp", master.port, "any")]
        self.sense = RosMasterSense([master.port], lambda: self.doors, Scopes(lambda: frozenset({"192.0.2.1"})))
        self.now = 100.0
        self._look = self.sense.start

    def round(self) -> List[Observation]:
        """What is told until the sense rests again, which must be soon; then its clock goes on to the next round."""
        found = self._look(self.now)
        self._look = self.sense.look
        deadline = time.monotonic() + 10
        while self.sense.interval_s == ros_master.BUSY_S:
            assert time.monotonic() < deadline, "it rests within its own bound"
            time.sleep(0.005)
            found += self.sense.look(self.now)
        self.now += ros_master.ROUND_S
        return found


@pytest.fixture
def master() -> Iterator[Master]:
    made = Master()
    yield made
    made.close()


@pytest.fixture
def robot(master: Master) -> Iterator[Robot]:
    made = Robot(master)
    yield made
    made.sense.close()


def nodes(told: List[Observation]) -> List[Any]:
    return [(one.fields["what"], one.fields["value"], one.fields["here"]) for one in told if one.kind == "config.state"]


def test_nodes_are_told_once_as_they_come_and_go(master: Master, robot: Robot) -> None:
    master.nodes = {"/legs": HERE}
    assert nodes(robot.round()) == [("/legs", True, True)]
    assert robot.round() == [] and robot.sense.coverage().state == "poll"
    master.nodes = {}
    assert nodes(robot.round()) == [("/legs", False, True)]


def test_a_node_of_another_machine_is_control_with_what_it_publishes(master: Master, robot: Robot) -> None:
    """Whoever publishes to a robot's topics drives it."""
    master.nodes, master.topics = {"/stranger": AWAY}, {"/cmd_vel": ["/stranger"]}
    told = robot.round()
    assert nodes(told) == [("/stranger", True, False)]
    (control,) = [one for one in told if one.kind == "control"]
    assert (control.fields["surface"], control.fields["client"]) == ("ros", ["198.51.100.7", 40001])
    assert control.fields["types"] == ["std_msgs/String"] and control.fields["publishes"] == 1
    assert robot.round() == []


def test_a_name_that_somebody_else_takes_over_is_told_anew(master: Master, robot: Robot) -> None:
    """A master lets a second node of the same name take the first one's place."""
    master.nodes = {"/legs": HERE}
    robot.round()
    master.nodes = {"/legs": AWAY}
    assert [one.kind for one in robot.round()] == ["config.state", "control"]


def test_a_robot_of_that_name_is_here_and_a_strangers_name_is_not_looked_up(master: Master, robot: Robot) -> None:
    master.nodes = {"/a": "http://localhost:1/", "/b": "http://no.such.host.example:2/", "/c": "nonsense"}
    assert sorted(nodes(robot.round())) == [("/a", True, True), ("/b", True, False), ("/c", True, None)]


def test_without_a_listener_nobody_is_asked(master: Master, robot: Robot) -> None:
    master.nodes = {"/legs": HERE}
    robot.round()
    robot.doors = []
    asked = len(master.calls)
    assert nodes(robot.round()) == [("/legs", False, True)]
    assert len(master.calls) == asked and robot.sense.coverage().state == "poll"


def test_a_master_that_is_started_anew_is_asked_again_over_a_new_connection(master: Master, robot: Robot) -> None:
    master.nodes = {"/legs": HERE}
    robot.round()
    master.drop_connections()
    assert robot.round() == [] and robot.sense.coverage().state == "poll"
    master.nodes = {}
    assert nodes(robot.round()) == [("/legs", False, True)]


@pytest.mark.parametrize(
    "answer, why",
    [
        (lambda method, arguments: None, "closed the connection"),
        (lambda method, arguments: http(b"<a>" * 500), "deeper"),
        (lambda method, arguments: http(b"no XML"), "no XML"),
        (lambda method, arguments: b"x" * 100_000, "no HTTP"),
    ],
)
def test_a_master_that_means_harm_costs_a_minute_of_sight_and_nothing_else(
    master: Master, robot: Robot, answer: Callable[[str, List[Any]], Optional[bytes]], why: str
) -> None:
    master.answer = answer
    assert robot.round() == []
    seen = robot.sense.coverage()
    assert seen.state == "blind" and why in str(seen.why)
    asked = len(master.calls)
    robot.round()
    assert len(master.calls) == asked, "it is left alone for a while"
    master.answer, master.nodes = master.honest, {"/legs": HERE}
    robot.now += ros_master.HOSTILE_S
    assert nodes(robot.round()) == [("/legs", True, True)]
    assert robot.sense.coverage().state == "poll"


def test_a_master_that_never_answers_is_given_up(master: Master, robot: Robot) -> None:
    hold = threading.Event()
    master.answer = lambda method, arguments: b"" if hold.wait(30) else None
    robot.sense.start(robot.now)
    assert robot.sense.fds() != [] and len(robot.sense.own_inodes()) == 1
    robot.now += ros_master.ANSWER_S + 1
    robot.sense.look(robot.now)
    assert "does not answer" in str(robot.sense.coverage().why)
    assert robot.sense.fds() == [] and robot.sense.own_inodes() == frozenset()
    hold.set()


def test_more_nodes_than_there_is_room_for_are_counted_and_crowd_nobody_out(master: Master, robot: Robot) -> None:
    """Registering is free: a thousand made-up nodes must not hide the one that was there."""
    master.nodes = {"/zz-legs": HERE}
    robot.round()
    master.nodes.update({"/made-up-{:04}".format(number): AWAY for number in range(ros_master.NODES_KEPT + 50)})
    told = nodes(robot.round())
    assert len(told) == ros_master.LOOK_UPS and ("/zz-legs", False, True) not in told
    assert robot.sense.coverage().dropped == 51


def test_a_master_with_much_to_say_is_asked_more_seldom(master: Master, robot: Robot) -> None:
    """Reading a long answer costs the robot more; whoever makes it long must not set the agent's cost."""
    master.topics = {"/topic-{:0200}".format(number): ["/legs"] for number in range(ros_master.LARGE_BYTES // 200)}
    robot.round()
    asked = len(master.calls)
    robot.round()
    assert len(master.calls) == asked
    robot.now += ros_master.ROUND_S * 3
    robot.round()
    assert len(master.calls) > asked


def test_nobody_listens_any_more_when_it_is_asked(master: Master) -> None:
    closed = _listener()
    port = closed.getsockname()[1]
    closed.close()
    sense = RosMasterSense([port], lambda: [("tcp", port, "any")])
    assert sense.start(1.0) == [] and "no connection" in str(sense.coverage().why)
    assert RosMasterSense([], lambda: []).coverage().why == "the profile names no port of a ROS master"


@pytest.mark.parametrize(
    "value", ["", 1, [], [1, "x"], [0, "x", []], [1, "x", "y"], [1, "", [1, 2, [3]]], [1, "", [[[]]]]]
)
def test_an_answer_of_another_shape_says_nothing(value: Any) -> None:
    assert parse_state(value) == {} and parse_types(value) == {}


@pytest.mark.parametrize("uri", ["", "x", "http://", "http://a", "http://a:x/", "http://[/", "http://a:99999/"])
def test_a_place_that_is_none_is_unknown(uri: str) -> None:
    assert parse_place([1, "", uri]) is None
