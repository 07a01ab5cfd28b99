"""Views by datagram and views that only cross, by flows as plain data."""

from typing import List, Tuple

from wachhund_agent.sensors.camera_stream import ENOUGH_BYTES, STREAM_ENDS_S, VIEWS_KEPT, CameraStreamSense
from wachhund_agent.sensors.camera_view import View
from wachhund_agent.sensors.datagram import OWNER_WAIT_S
from wachhund_agent.sensors.flow import Endpoint, Flow, Owner
from wachhund_agent.sensors.routed import Crossing
from wachhund_evidence import Observation

CAMERA, HERE, VIEWER = "192.0.2.13", "192.0.2.1", ("198.51.100.7", 40000)
VIEWS = (View("head", CAMERA, (9101, 9201), "stream"), View("head", CAMERA, (80,), "proxy"))
PLAYER = Owner(4000003, "4000003-9", "/usr/bin/player", "pi")


class Robot:
    """What a sense is shown, second by second."""

    def __init__(self) -> None:
        self.datagrams: List[Tuple[str, Flow]] = []
        self.crossings: List[Crossing] = []
        self.sense = CameraStreamSense(lambda: self.datagrams, lambda: self.crossings, VIEWS)
        self.now = 100.0
        self.sense.start(self.now)

    def stream(self, moved: int, proto: str = "udp", remote: Endpoint = (CAMERA, 5000), port: int = 9201) -> None:
        flow = Flow("s", (HERE, port), remote, "in", "lan", PLAYER, None, 0, 0, 100.0, bytes_in=moved)
        self.datagrams = [(proto, flow)]

    def look(self, seconds: float = 1) -> List[Observation]:
        self.now += seconds
        return self.sense.look(self.now)


def test_pictures_by_datagram_are_told_with_the_program_that_takes_them() -> None:
    robot = Robot()
    robot.stream(ENOUGH_BYTES - 1)
    assert robot.look() == []
    robot.stream(ENOUGH_BYTES)
    (opened,) = robot.look()
    assert (opened.kind, opened.fields["via"], opened.fields["camera"]) == ("camera.open", "stream", "head")
    assert opened.fields["exe"] == "/usr/bin/player" and opened.fields["viewer"] is None and opened.fields["why"]
    assert opened.mono == 100.0
    robot.stream(ENOUGH_BYTES * 2)
    assert robot.look() == []
    robot.datagrams = []
    (closed,) = robot.look(30)
    assert closed.kind == "camera.close" and closed.fields["duration_s"] == 3.0


def test_a_stream_waits_a_moment_for_its_program_to_be_known() -> None:
    """On a busy board the pictures are there before anybody has found out whose they are."""
    robot = Robot()
    nobody = Flow("s", (HERE, 9201), (CAMERA, 5000), "in", "lan", None, None, 0, 0, 100.0, bytes_in=ENOUGH_BYTES)
    robot.datagrams = [("udp", nobody)]
    assert robot.look(OWNER_WAIT_S / 2) == []
    robot.stream(ENOUGH_BYTES)
    assert [one.fields["pid"] for one in robot.look(0.1)] == [PLAYER.pid]
    robot = Robot()
    robot.datagrams = [("udp", nobody)]
    assert [one.fields["pid"] for one in robot.look(OWNER_WAIT_S)] == [None], "but not for ever"


def test_a_camera_is_known_by_its_own_port_as_well() -> None:
    robot = Robot()
    robot.stream(ENOUGH_BYTES, remote=(CAMERA, 9101), port=40000)
    assert [one.kind for one in robot.look()] == ["camera.open"]


def test_what_is_no_picture_is_not_told() -> None:
    robot = Robot()
    robot.stream(ENOUGH_BYTES, proto="icmp")
    assert robot.look() == []
    robot.stream(ENOUGH_BYTES, remote=("192.0.2.99", 5000))
    assert robot.look() == []
    robot.stream(ENOUGH_BYTES, port=40000)
    assert robot.look() == []


def test_a_stream_that_rests_ends_and_begins_anew_when_it_goes_on() -> None:
    robot = Robot()
    robot.stream(ENOUGH_BYTES)
    robot.look()
    (closed,) = robot.look(STREAM_ENDS_S)
    assert closed.kind == "camera.close" and robot.look(20) == []
    robot.stream(ENOUGH_BYTES + 1)
    (opened,) = robot.look()
    assert opened.kind == "camera.open" and opened.mono == robot.now


def test_a_view_that_crosses_names_the_other_end_whoever_began_it() -> None:
    robot = Robot()
    robot.crossings = [
        Crossing("asked", "tcp", VIEWER, (CAMERA, 80), 99.5),
        Crossing("sent", "udp", (CAMERA, 5000), (VIEWER[0], 9201), 99.0),
        Crossing("other", "tcp", VIEWER, (CAMERA, 22), 99.0),
        Crossing("tcp port of a viewer", "tcp", (CAMERA, 5000), (VIEWER[0], 80), 99.0),
    ]
    told = robot.look()
    assert [(one.fields["flow"], one.fields["via"], one.fields["viewer"]) for one in told] == [
        ("asked", "routed", list(VIEWER)),
        ("sent", "routed", [VIEWER[0], 9201]),
    ]
    assert robot.look(100) == [], "silence of a crossing flow says nothing: its bytes are not seen"
    robot.crossings = robot.crossings[1:]
    (closed,) = robot.look()
    assert closed.fields["flow"] == "asked" and closed.fields["duration_s"] == 102.5


def test_views_beyond_the_bound_are_counted() -> None:
    robot = Robot()
    robot.crossings = [
        Crossing(str(number), "tcp", ("198.51.100.7", number), (CAMERA, 80), 99.0) for number in range(VIEWS_KEPT + 5)
    ]
    assert len(robot.look()) == VIEWS_KEPT
    assert robot.sense.coverage().dropped == 5


def test_without_cameras_the_sense_says_that_it_is_blind() -> None:
    sense = CameraStreamSense(list, list, ())
    assert sense.look(1.0) == [] and sense.coverage().state == "blind"
