"""A robot's mind as bytes: what is written is read back, and nothing else is ever made of bytes.

That a judge goes on from it as if nothing had been, every scene of this folder shows (recording.Verdicts).
"""

import json
import zlib

import pytest

from tests.unit.host.judge.recording import BUILT_IN, START, Recording, ssh_through_a_relay
from wachhund.judge import forgetting, mind, typed
from wachhund.judge.engine import Judge
from wachhund.judge.forgetting import Forgotten
from wachhund.judge.state import RobotState

ROBOT = "abcdefghij"


def state_of_scene() -> RobotState:
    """What a judge has in mind of a robot with a relay at work."""
    judge = Judge(BUILT_IN.rules)
    scene = ssh_through_a_relay()
    for fact in scene.facts:
        object.__setattr__(fact, "robot", ROBOT)
    judge.feed(scene.facts)
    return judge._robots[ROBOT]


def test_what_is_written_is_read_back_byte_for_byte() -> None:
    body = mind.write(state_of_scene())
    assert mind.write(mind.read(body)) == body
    assert mind.read(body).incidents.by_id.keys() == state_of_scene().incidents.by_id.keys()


def test_what_is_shared_is_shared_again() -> None:
    """An end that only one of two rooms knew of would never be forgotten."""
    memory = mind.read(mind.write(state_of_scene())).memory
    assert memory.processes.ended is memory.flows.ended is memory.ended


def test_a_class_that_is_not_in_the_table_is_refused_at_writing() -> None:
    """A mind that cannot be read back must not be written: nothing is forgotten on the strength of it."""
    state = state_of_scene()
    state.shells["x"] = object()  # type: ignore[assignment]
    with pytest.raises(mind.UnknownMind, match="object is not in the table"):
        mind.write(state)


def test_what_holds_itself_is_refused_instead_of_written_for_ever() -> None:
    state = state_of_scene()
    ring: list[object] = []
    ring.append(ring)
    state.shells["x"] = ring  # type: ignore[assignment]
    with pytest.raises(mind.UnknownMind, match="holds itself"):
        mind.write(state)


def test_a_mind_that_could_not_be_read_again_is_not_written() -> None:
    """Its robot is judged again alone then; read with the same bound, what is written always fits."""
    state = state_of_scene()
    length = len(zlib.decompress(mind.write(state)))
    assert mind.read(mind.write(state, limit=length + 1), limit=length + 1).robot == ROBOT
    for limit in (length, length // 10):
        with pytest.raises(mind.HugeMind, match="longer than"):
            mind.write(state, limit=limit)


def test_texts_of_a_robot_are_cut_before_they_are_kept() -> None:
    """2,300 listeners with paths of 120,000 letters made a mind that nobody could read again."""
    long = "/tmp/" + "x" * 120_000
    scene = Recording(ROBOT)
    for number in range(100):
        scene.listen(1 + number, number + 2, long)
        scene.process(number + 2, long, [long] * 3, user=long)
        scene.flow("open", f"f{number}{long}", "in", (long, 1), (long, 2), number + 2, exe=long)
    judge = Judge(BUILT_IN.rules)
    judge.feed(scene.facts)
    assert len(zlib.decompress(mind.write(judge._robots[ROBOT]))) < 100 * 18 * typed.MAX_CHARS


def _packed(value: object) -> bytes:
    return zlib.compress(json.dumps(value).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rubbish",
        mind.write(state_of_scene())[:-9],
        zlib.compress(b"[" * 100_000),
        _packed([]),
        _packed({}),
        _packed([["[", []]]),
        _packed([["os.system", ["true"]]]),
        _packed([["Door", [1]]]),
        _packed([["{", ["a"]]]),
        _packed([["{", [[0], 1]]]),
        _packed([["[", [[7]]]]),
        _packed([[["q", "x"], []]]),
        _packed([["{", [[0], 1]], ["[", []]]),
    ],
)
def test_bytes_that_are_no_mind_are_refused(body: bytes) -> None:
    """A ledger may come from somebody else: it is data, and never code."""
    with pytest.raises(mind.UnknownMind):
        mind.read(body)


def test_a_bomb_is_cut_off() -> None:
    """A small file must not become all of the memory."""
    with pytest.raises(mind.UnknownMind, match="too large"):
        mind.read(zlib.compress(b" " * 2_000_000), limit=1_000_000)


def test_what_was_erased_goes_out_of_mind_and_the_rest_stays() -> None:
    state = state_of_scene()
    (incident,) = state.incidents.by_id.values()
    flows, processes = len(state.memory.flows.by_id), len(state.memory.processes.by_puid)
    other = Forgotten("another000", 0.0, START * 2, False)
    before = Forgotten(ROBOT, 0.0, START - 1, False)
    old = Forgotten(ROBOT, 0.0, incident.last_t, True)
    for span in (other, before, old):
        forgetting.forget(state, span)
    assert list(state.incidents.by_id) == [incident.id] and state.sessions.by_id
    assert (len(state.memory.flows.by_id), len(state.memory.processes.by_puid)) == (flows, processes)
    middle = (incident.first_t + incident.last_t) / 2
    forgetting.forget(state, Forgotten(ROBOT, middle, middle + 0.001, False))
    assert not state.incidents.by_id and "203.0.113.7" in str(state.memory.flows.by_id)
    forgetting.forget(state, Forgotten(ROBOT, START, START + 3600, False))
    assert not state.sessions.by_id and not state.memory.flows.by_id and not state.memory.processes.by_puid
    assert "203.0.113.7" not in zlib.decompress(mind.write(state)).decode()


def test_an_erasure_leaves_no_text_of_its_span_wherever_it_was_told() -> None:
    """A listener, a name that came later to a connection of before, an interface, and rows that rules remember."""
    scene = Recording(ROBOT)
    scene.process(700, "/opt/x/tool")
    scene.listen(5000, 700, "/opt/x/tool")
    ends = ("192.168.12.1", 8081), ("192.168.12.30", 5)
    scene.flow("open", "f0", "in", *ends, None)
    scene.wait(50)
    since_t = START + 40
    scene.flow("update", "f0", "in", *ends, 701, exe="/home/anna/viewer", user="anna", remote_name="anna.example")
    scene.listen(5001, 700, "/home/anna/tool", user="anna")
    scene.process(702, "/home/anna/tool", ["tool", "--password", "anna"], user="anna")
    wireguard = {"ifname": "anna-vpn", "link_kind": "wireguard", "addresses": ["10.9.0.2/24"], "default_route": False}
    scene.tell("link.change", **wireguard, up=True, gone=False, peers=None, existing=True)
    judge = Judge(BUILT_IN.rules)
    judge.feed(scene.facts)
    state = judge._robots[ROBOT]
    assert "anna" in repr(judge._matcher._tables["process_creation"]._remembered)
    judge.forget(Forgotten(ROBOT, since_t, START + 100, False))
    assert "anna" not in zlib.decompress(mind.write(state)).decode()
    assert "anna" not in repr([table._remembered for table in judge._matcher._tables.values()])
    assert set(state.memory.listeners.by_port) == {5000} and set(state.memory.processes.by_puid) == {"700-9"}
    scene.accept(500, 22, "10.9.0.7")
    judge.feed(scene.facts[-1:])
    (session,) = state.sessions.by_id.values()
    assert session.carrier == "tunnel", "what comes by the interface is still told"
    scene.tell("link.change", **wireguard, up=False, gone=True, peers=None, existing=False)
    judge.feed(scene.facts[-1:])
    assert state.memory.links.by_name == {}


def test_what_ended_before_the_time_of_keeping_goes_out_of_mind() -> None:
    state = state_of_scene()
    (incident,) = state.incidents.by_id.values()
    forgetting.forget(state, Forgotten(ROBOT, 0.0, incident.last_t + 1, True))
    assert not state.incidents.by_id and state.memory.flows.by_id, "what is so now stays, however long it has been so"


def test_a_mind_of_another_version_is_not_changed_but_lost() -> None:
    """What cannot be read cannot be cleaned: then it has to be judged again from what is left."""
    span = Forgotten(ROBOT, 0.0, START * 2, False)
    body = mind.write(state_of_scene())
    assert forgetting.without("another", body, span) is None
    assert forgetting.without(mind.VERSION, b"rubbish", span) is None
    cleaned = forgetting.without(mind.VERSION, body, span)
    assert cleaned is not None and not mind.read(cleaned).incidents.by_id
