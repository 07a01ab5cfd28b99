"""Which client a view belongs to, by flows as plain data: what is clear is named, what is not is never guessed."""

from typing import Dict, List, Optional, Tuple

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.camera_view import CANDIDATES_TOLD, CameraViewSense, View
from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_evidence import Observation

PROXY = Owner(4000001, "4000001-7", "/usr/sbin/nginx", "www-data")
OTHER = Owner(4000002, "4000002-8", "/usr/sbin/sshd", "root")
HEAD = View("head", "192.0.2.13", (8080,), "proxy")


class Robot:
    """The flows that a sense is shown, second by second."""

    def __init__(self, *views: View) -> None:
        self.flows: Dict[str, Flow] = {}
        self.sense = CameraViewSense(lambda: self.flows, views or (HEAD,))
        self.told: List[Observation] = self.sense.start(100.0)
        self.now = 100.0

    def camera(self, name: str, opened: float, owner: Optional[Owner] = PROXY) -> None:
        ends = (("192.0.2.1", 40000 + len(self.flows)), ("192.0.2.13", 8080))
        self.flows[name] = Flow(name, ends[0], ends[1], "out", "lan", owner, None, 1, 1, opened)

    def client(self, name: str, opened: float, owner: Optional[Owner] = PROXY) -> Tuple[str, int]:
        remote = ("192.0.2.77", 50000 + len(self.flows))
        self.flows[name] = Flow(name, ("192.0.2.1", 80), remote, "in", "lan", owner, None, 1, 1, opened)
        return remote

    def move(self, **counts: int) -> None:
        """Bytes so far: out of a client's flow, into a camera's."""
        for name, count in counts.items():
            flow = self.flows[name]
            self.flows[name] = (
                flow._replace(bytes_in=count) if flow.direction == "out" else flow._replace(bytes_out=count)
            )

    def look(self, seconds: int = 1) -> List[Observation]:
        found: List[Observation] = []
        for _ in range(seconds):
            self.now += 1.0
            found += self.sense.look(self.now)
        return found


def test_clients_of_one_moment_are_told_apart_by_what_they_were_sent() -> None:
    robot = Robot()
    first, second = robot.client("a", 100.5), robot.client("b", 100.5)
    robot.camera("one", 100.51)
    robot.camera("two", 100.51)
    assert robot.look() == []
    robot.move(a=900300, b=400300, one=400000, two=900000)
    told = {fact.fields["flow"]: fact.fields["viewer"] for fact in robot.look()}
    assert told == {"one": list(second), "two": list(first)}


def test_what_can_not_be_told_apart_is_not_guessed() -> None:
    robot = Robot()
    both = {robot.client("a", 100.5), robot.client("b", 100.5)}
    robot.camera("one", 100.51)
    robot.camera("two", 100.51)
    robot.move(a=400300, b=400300, one=400000, two=400000)
    told = robot.look(12)
    assert len(told) == 2
    for fact in told:
        assert fact.fields["viewer"] is None and fact.fields["client_flow"] is None
        assert fact.fields["why"] == "several clients fit"
        assert {tuple(candidate) for candidate in fact.fields["candidates"]} == both


def test_a_connection_that_served_pages_before_is_counted_from_the_view_on() -> None:
    robot = Robot()
    robot.client("idle", 100.2)
    viewer = robot.client("page", 90.0)
    robot.move(page=5000000, idle=100)
    robot.look(3)
    robot.camera("one", 103.5)
    robot.move(page=5400300, one=400000)
    (told,) = robot.look()
    assert told.fields["viewer"] == list(viewer) and told.mono == 103.5


def test_a_client_whose_bytes_stand_still_is_not_the_viewer() -> None:
    robot = Robot()
    robot.client("idle", 100.9)
    robot.camera("one", 101.0)
    robot.move(one=400000)
    (told,) = robot.look(12)
    assert told.fields["viewer"] is None and told.fields["why"] == "no client's bytes move with it"


def test_a_quiet_view_is_joined_by_time_but_never_with_another_program() -> None:
    robot = Robot()
    robot.client("ssh", 100.99, OTHER)
    robot.client("unknown", 100.99, None)
    viewer = robot.client("a", 100.9)
    robot.camera("one", 101.0)
    (told,) = robot.look(5)
    assert told.fields["viewer"] == list(viewer) and told.fields["client_flow"] == "a"
    del robot.flows["one"]
    (closed,) = robot.look()
    assert closed.kind == "camera.close" and closed.fields["duration_s"] == 5.0


def test_a_view_that_ends_undecided_is_told_all_the_same() -> None:
    robot = Robot()
    robot.client("a", 100.5)
    robot.client("b", 100.5)
    robot.camera("one", 100.51)
    assert robot.look() == []
    del robot.flows["one"]
    opened, closed = robot.look()
    assert (opened.kind, closed.kind) == ("camera.open", "camera.close")
    assert opened.fields["viewer"] is None and len(opened.fields["candidates"]) == 2


def test_a_stream_needs_no_client() -> None:
    robot = Robot(HEAD._replace(via="stream"))
    robot.camera("one", 100.9)
    (told,) = robot.look()
    assert (told.fields["via"], told.fields["viewer"]) == ("stream", None)
    assert CameraViewSense(dict, ()).coverage().state == "blind"


_OWNERS = st.sampled_from([PROXY, OTHER, None])
_MADE = st.lists(st.tuples(st.booleans(), st.floats(90, 110), _OWNERS, st.integers(0, 10**6)), max_size=12)


@given(_MADE)
def test_no_client_is_named_twice_and_none_of_another_process(
    made: List[Tuple[bool, float, Optional[Owner], int]],
) -> None:
    robot = Robot()
    for number, (is_camera, opened, owner, count) in enumerate(made):
        (robot.camera if is_camera else robot.client)(str(number), opened, owner)
        robot.move(**{str(number): count})
    told = [fact.fields for fact in robot.look(25) if fact.fields["client_flow"] is not None]
    assert len({fields["client_flow"] for fields in told}) == len(told)
    for fields in told:
        client = robot.flows[fields["client_flow"]]
        assert client.owner is not None and client.owner.puid == fields["puid"]
        assert len(fields.get("candidates", [])) <= CANDIDATES_TOLD
