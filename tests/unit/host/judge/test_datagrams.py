"""Commands by UDP that a program of the robot passes on, and a desktop that calls its viewer."""

from typing import Any

from tests.unit.host.judge.recording import OUTSIDE, Recording, Verdicts, hops

LEGS, RELAY, VNC = "/usr/bin/python3.11", "/home/pi/x/pentmlx", "/usr/bin/Xtigervnc"
COUNTS = {"bytes_in": 13_502, "bytes_out": 95_890}
TURNED = {"bytes_in": 95_890, "bytes_out": 13_502}


def datagrams(outer: dict[str, Any], inner: dict[str, Any], port: int = 8082) -> Recording:
    """A program exchanges datagrams with the internet and with a port of the robot."""
    scene = Recording()
    scene.coverage()
    scene.process(100, LEGS)
    scene.listen(port, 100, LEGS, existing=True, proto="udp")
    scene.process(700, RELAY)
    scene.flow("open", "u1", "in", ("100.100.57.24", 17_325), OUTSIDE, 700, proto="udp", **outer)
    scene.flow("open", "u2", "out", ("127.0.0.1", 44_087), ("127.0.0.1", port), 700, 100, proto="udp", **inner)
    return scene


def test_datagrams_that_a_program_passes_on_to_the_legs_are_remote_control() -> None:
    """The legs' socket is open to all and tells no connection: only the relay's own end of it is seen."""
    incident = Verdicts(datagrams(COUNTS, TURNED).facts).only

    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "critical", "udp")
    assert hops(incident["origin"])[:3] == [OUTSIDE[0], f"relay {RELAY}", "loopback"]


def test_other_bytes_than_came_in_leave_it_a_suspicion() -> None:
    """The owner's program reports to its server and moves the legs by itself: watched, not accused."""
    incident = Verdicts(datagrams(COUNTS, {"bytes_in": 700, "bytes_out": 9_000_000}).facts).only

    assert (incident["kind"], incident["level"]) == ("relay", "medium")


def test_datagrams_to_a_port_that_steers_nothing_are_nobodys_session() -> None:
    """Names are looked up all day."""
    assert Verdicts(datagrams(COUNTS, TURNED, port=53).facts).incidents == {}


def test_a_program_without_a_connection_to_the_outside_may_move_the_legs() -> None:
    """The vendor's own programs do."""
    scene = datagrams(COUNTS, TURNED)
    scene.facts = [fact for fact in scene.facts if fact.observation.fields.get("flow") != "u1"]

    assert Verdicts(scene.facts).incidents == {}


def test_a_desktop_that_dials_its_viewer_is_used_by_them() -> None:
    """Nobody knocks at the robot: the server itself calls the viewer, and one story tells of both."""
    scene = Recording()
    scene.coverage()
    scene.process(700, VNC, ["Xvnc", ":5", "-localhost", "-rfbport", "14409"])
    scene.listen(14_409, 700, VNC, "127.0.0.1")
    scene.wait(1)
    called = scene.dial(700)
    scene.wait(5)
    scene.close(called, bytes_in=543, bytes_out=3_000_000)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()

    assert (found.only["kind"], found.only["level"], found.only["surface"]) == ("remote-control", "high", "desktop")
    assert hops(session["origin"])[0] == OUTSIDE[0]
    assert (session["bytes_in"], session["bytes_out"], session["last_t"] is None) == (543, 3_000_000, False)
