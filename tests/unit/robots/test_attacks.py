"""The attack corpus itself: complete, told apart, and recorded without anything of the machine it was recorded on."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.attacks import recordings
from tests.robots.attacks.catalogue import SCENES, named
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.inside import Inside
from tests.robots.attacks.judging import differences, verdict
from tests.robots.attacks.networks import PLANTED
from tests.robots.attacks.scene import GROUPS, Scene, Story
from tests.robots.attacks.table import Result, closing, row

ROOT = Path(__file__).resolve().parents[3]
MAX_RECORDINGS_BYTES = 3 * 1024 * 1024
# Where a program of the robot may lie, and what it may be told to use. Nothing else can come from the robot.
OF_THE_ROBOT = ("/usr/", "/home/pi/", "/run/", "/etc/", "/dev/", "/bin/", "/sbin/", "/sys/", "/var/log/",
                "/var/lib/xkb/", "/memfd:", "/proc/self/")  # fmt: skip
OF_THE_ROBOT_ITSELF = ("/", "/tmp/")
Fact = dict[str, Any]


def test_scenes_have_names_of_their_own() -> None:
    """A name is a recording's file, and what a person asks for."""
    assert [name for name, count in Counter(scene.name for scene in SCENES).items() if count > 1] == []


def test_every_group_of_the_design_has_attacks_and_there_are_enough() -> None:
    """Forty attacks at least, and fifteen look-alikes that must stay silent."""
    groups = Counter(scene.group for scene in SCENES)
    assert set(groups) == set(GROUPS)
    assert sum(count for group, count in groups.items() if group) >= 40
    assert groups[0] >= 15


def test_every_scene_says_what_happens_and_every_attack_what_must_be_told() -> None:
    """A story without a word for its title could be met by any incident; one that only idles may have none."""
    for scene in SCENES:
        assert scene.sentence and scene.name == scene.name.lower()
        if scene.expected is not None:
            assert scene.expected.attack or scene.expected.kind == "posture", scene.name
            assert scene.expected.title or scene.expected.origin, scene.name
            Draw(1, scene.name).filled(" ".join((*scene.expected.title, *scene.expected.origin)))


def test_scenes_are_found_by_how_their_names_begin() -> None:
    assert {scene.name for scene in named(["relay-tcp", "stock"])} == {"relay-tcp-ssh", "stock"}
    with pytest.raises(ValueError, match="no scene's name"):
        named(["relay-tcp", "nobody"])


def test_the_same_seed_draws_the_same_and_another_seed_another() -> None:
    """A recording's story is told from its seed, without acting it again."""
    one, again, other = Draw(1, "x"), Draw(1, "x"), Draw(2, "x")
    assert [one.path("a"), one.port("a"), one.address("a")] == [again.path("a"), again.port("a"), again.address("a")]
    assert len({one.path("a"), one.path("b"), other.path("a"), Draw(1, "y").path("a")}) == 4
    assert one.filled("{path[a]} at {address[a]}") == f"{one.path('a')} at {one.address('a')}"


def told(scene: Scene) -> Iterator[Fact]:
    return (json.loads(line) for line in recordings.read(scene.name)[1].splitlines())


def paths_in(fact: Fact) -> Iterator[str]:
    for field in ("exe", "parent_exe", "script", "cwd", "path"):
        if isinstance(fact.get(field), str):
            yield fact[field]
    yield from (word for word in fact.get("argv") or () if word.startswith("/"))
    yield from (exe for _, exe in fact.get("ancestry") or () if exe)
    for other in ("peer", "through"):
        yield from (value for value in (fact.get(other) or {}).values() if isinstance(value, str) and value[:1] == "/")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_scene_has_a_recording_that_can_be_read_and_holds_nothing_of_elsewhere(scene: Scene) -> None:
    """What is committed is read by everybody: no secret that a scene planted, no path but a robot's."""
    head, lines = recordings.read(scene.name)
    assert head["scene"] == scene.name and isinstance(head["seed"], int) and head["agent"]
    assert PLANTED.encode() not in lines and b"PRIVATE KEY" not in lines
    kinds = Counter(fact["kind"] for fact in told(scene))
    assert kinds["coverage"] and kinds["process.start"], "an agent that saw nothing"
    assert f"{ROOT}/".encode() not in lines and b"/corpus-" not in lines, "a place of the machine"
    folders = {f"{path.rstrip('/')}/" for fact in told(scene) for path in paths_in(fact)}
    assert {path for path in folders if not path.startswith(OF_THE_ROBOT) and path not in OF_THE_ROBOT_ITSELF} == set()


def test_the_recordings_are_small_and_each_belongs_to_a_scene() -> None:
    """They are cloned by everybody; one that no scene has is dead."""
    files = list(recordings.FOLDER.iterdir())
    assert {file.name for file in files} == {recordings.path(scene.name).name for scene in SCENES}
    assert sum(file.stat().st_size for file in files) < MAX_RECORDINGS_BYTES


def scene(expected: Story | None) -> Scene:
    return Scene("x", 0 if expected is None else 1, "something", lambda robot, draw: None, expected)


def incident(**more: Any) -> Fact:
    origin = [{"hop": "address", "address": "203.0.113.9", "port": 1}, {"hop": "process", "exe": "/run/x", "pid": 4},
              {"hop": "service", "name": "ssh"}, {"hop": "user", "user": "pi"}]  # fmt: skip
    session = {"surface": "ssh", "origin": origin}
    return {"kind": "remote-control", "level": "high", "title": "Remote control: ssh through x", "state": "open",
            "origin": origin, "sessions": [session], "rules": [], "attack": ["T1572"], **more}  # fmt: skip


STORY = Story("remote-control", "medium", ("ssh",), ("203.0.113.9", "/run/x", "pi"), ("SSH", "x"), ("T1572",))


def test_one_incident_with_the_right_title_and_origin_is_what_an_attack_must_lead_to() -> None:
    assert verdict(scene(STORY), Draw(1, "x"), [incident()]).word == "ok"
    assert verdict(scene(STORY), Draw(1, "x"), []).word == "MISSED"
    assert verdict(scene(STORY), Draw(1, "x"), [incident(), incident()]).word == "TWO INCIDENTS"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "relay"},
        {"level": "low"},
        {"title": "something else"},
        {"sessions": []},
        {"origin": [], "sessions": [{"surface": "ssh", "origin": []}]},
        {"attack": ["T1021.004"]},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_each_part_of_the_story_counts(wrong: Fact) -> None:
    """A table that says ok for the wrong story would hide the rules' faults."""
    found = verdict(scene(STORY), Draw(1, "x"), [incident(**wrong)])
    assert found.word == "WRONG TITLE" and found.why


def test_hops_count_in_their_order_from_the_outside_inwards() -> None:
    turned = Story("remote-control", "medium", ("ssh",), ("pi", "203.0.113.9"))
    assert verdict(scene(turned), Draw(1, "x"), [incident()]).word == "WRONG TITLE"


def test_a_look_alike_must_lead_to_nothing() -> None:
    assert verdict(scene(None), Draw(1, "x"), []).word == "ok"
    assert verdict(scene(None), Draw(1, "x"), [incident(level="informational")]).word == "FALSE ALARM"


def test_two_judgements_are_the_same_when_only_numbers_of_processes_and_times_differ() -> None:
    other = incident()
    other["origin"] = [{**hop, "pid": 9} if "pid" in hop else hop for hop in other["origin"]]
    assert differences([incident(first_t=1.0)], [{**other, "first_t": 2.0}]) == ()
    assert differences([incident()], [incident(level="low")]) == ("high and low",)
    assert differences([incident()], []) == ("1 and 0 incidents",)


def test_of_two_runs_of_a_scene_the_callers_ports_may_differ_too_and_nothing_else() -> None:
    """The kernel chooses them; a service's port is no chance."""

    def from_port(caller: int, service: int) -> Fact:
        return incident(
            origin=[
                {"hop": "address", "address": "203.0.113.9", "port": caller},
                {"hop": "service", "name": "ssh", "port": service},
            ]
        )

    assert differences([from_port(40000, 22)], [from_port(50000, 22)], another_run=True) == ()
    assert differences([from_port(40000, 22)], [from_port(50000, 22)]) != ()
    assert differences([from_port(40000, 22)], [from_port(40000, 2222)], another_run=True) != ()


def test_the_table_names_what_is_wrong_and_counts_what_is_right() -> None:
    draw = Draw(1, "x")
    right = Result(scene(STORY), [incident()], verdict(scene(STORY), draw, [incident()]), live=())
    wrong = Result(scene(STORY), [incident()], verdict(scene(STORY), draw, [incident(level="low")]), live=("a and b",))
    assert right.ok and not wrong.ok
    assert "203.0.113.9 > /run/x > ssh > pi" in row(right)
    assert "but: level low, not medium to critical" in row(wrong) and "live differs: a and b" in row(wrong)
    assert "1 tunnels: 1 of 2 as expected" in closing([right, wrong])


def test_a_judgement_that_is_not_the_same_again_fails_and_another_runs_details_are_only_told() -> None:
    """The first is the judge's fault; in the second, another run's senses caught a program that this one missed."""
    fits = verdict(scene(STORY), Draw(1, "x"), [incident()])
    again = Result(scene(STORY), [incident()], fits, live=("a and b",))
    other = Result(scene(STORY), [incident()], fits, live=(), kept=("a and b",))
    assert not again.ok and other.ok
    assert "judged again, NOT the same" in closing([again]) and "from the run recorded" in closing([other])


def start(pid: int, **more: Any) -> Fact:
    return {
        "kind": "process.start", "sensor": "process/tracefs", "puid": f"{pid}-1", "pid": pid, "ppid": 1,
        "exe": "/usr/bin/x", "argv": ["x"], "user": "pi", "parent_exe": "/somebody", "cwd": "/",
        "ancestry": [[1, "/somebody"]], **more,
    }  # fmt: skip


STAGE = 5  # the process that started what the robot has


def inside() -> Inside:
    return Inside(lambda pid, parent: parent == STAGE and pid in (10, 20))


def test_a_process_of_the_machine_is_none_of_the_robots() -> None:
    """The stand-in shares the machine's kernel; what else runs there would be kept for everybody to read."""
    lines = inside()
    assert lines.take(start(7)) is None
    assert lines.take({"kind": "process.exit", "puid": "7-1", "pid": 7}) is None
    assert lines.take(start(20, ppid=STAGE, exe="/usr/bin/nsenter")) is None, "only the way in"


def test_on_a_busy_machine_the_way_in_is_told_with_another_ones_file_and_is_still_none_of_the_robots() -> None:
    """Arguments and file are read one after the other; what it becomes is told by a start of its own."""
    assert inside().take(start(20, ppid=STAGE, exe="/usr/bin/dash", argv=["nsenter", "--net=/run/x", "sh"])) is None


def test_what_is_started_again_by_the_stage_has_no_parent_either() -> None:
    lines = inside()
    assert lines.take(start(10, ppid=STAGE))
    again = {"kind": "process.repeat", "exe": "/usr/bin/x", "argv": ["x"], "user": "pi", "parent_exe": "/somebody"}
    assert lines.take(again) == {**again, "parent_exe": None}
    by_itself = {**again, "parent_exe": "/usr/bin/x"}
    assert lines.take(by_itself) == by_itself
    assert lines.take({**again, "argv": ["y"]}) is None


def test_a_process_of_the_robot_keeps_its_ancestors_as_far_as_they_are_the_robots() -> None:
    lines = inside()
    first = lines.take(start(10, ppid=STAGE))
    assert first is not None
    assert (first["ppid"], first["parent_exe"], first["ancestry"]) == (None, None, [])
    # 12 is a shell's fork: it started no program, and the agent told of none.
    child = lines.take(start(13, ppid=12, ancestry=[[12, "/bin/sh"], [10, "/usr/bin/x"], [5, "/somebody"]]))
    assert child is not None
    assert child["ancestry"] == [[12, "/bin/sh"], [10, "/usr/bin/x"]] and child["ppid"] == 12


def test_a_number_that_was_the_robots_once_makes_nobody_the_robots() -> None:
    """Numbers of processes come again, and a busy machine goes through all of them in minutes."""
    lines = inside()
    assert lines.take(start(10, ppid=STAGE)) and lines.take({"kind": "process.exit", "puid": "10-1", "pid": 10})
    assert lines.take(start(30, ppid=10, ancestry=[[10, "/somebody"]])) is None


def test_the_process_at_the_other_end_of_a_cable_is_not_told() -> None:
    """Who is outside is a process of this machine too, and the agent finds it; a robot alone could not."""
    flow = {"kind": "flow.open", "scope": "internet", "peer": {"puid": "5-1", "exe": "/x"}}
    assert inside().take(flow) == {**flow, "peer": None}
    assert inside().take({**flow, "scope": "loopback"}) == {**flow, "scope": "loopback"}
    login = {"kind": "login.start", "sensor": "login/auth.log", "puid": "9-1", "peer": {"puid": "5-1", "exe": "/x"}}
    assert inside().take(login) == {**login, "peer": None}
    lines = inside()
    assert lines.take(start(10, ppid=STAGE))
    from_itself = {**login, "peer": {"puid": "10-1", "exe": "/usr/bin/x"}}
    assert lines.take(from_itself) == from_itself, "a relay of the robot"
