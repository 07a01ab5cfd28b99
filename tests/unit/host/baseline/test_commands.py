"""`wachhund baseline`: what it learns, shows, accepts, refuses and ends, and what the judge does with it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import BUILT_IN, SSHD, Recording
from tests.unit.host.judge.test_unusual import AGENTD, CLOUD, ELSEWHERE, HASH, MIB, PYTHON, SCRIPT, calls, looks, robot
from tests.waiting import until
from wachhund.baseline import learning
from wachhund.cli import main
from wachhund.judge.loop import JudgeLoop

DAY = 86_400.0
WHY = ["--why", "a week at the fair"]


class Host:
    """A ledger with one robot, which tells scenes at times that a test chooses."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.robot = ScriptedRobot()
        self.row = self.bench.add("rex", self.robot)
        self.now = time.time()

    def run(self, *arguments: str) -> int:
        return main(["baseline", *arguments, "--data", str(self.bench.data.path)])

    def hears(self, scene: Recording, days_ago: float = 1.0) -> None:
        """What the robot told so long ago; all of it at that moment."""
        t = self.now - days_ago * DAY
        observations = [fact.observation for fact in scene.facts]
        for start in range(0, len(observations), 50):
            self.bench.take(self.row, self.robot.token(*observations[start : start + 50]), t=t)

    def judged(self) -> None:
        """The judge looks at all there is."""
        loop = JudgeLoop(self.bench.ledger, BUILT_IN.rules, retry_s=0.05)
        loop.start()
        try:
            until(lambda: not self.bench.ledger.observations_after(loop.cursor, 1), 20, "everything is judged")
            wanted = len(self.bench.ledger.unread((0, 0, 0), 1_000).acts)
            until(lambda: self.bench.ledger.judged_acts() == wanted, 20, "so is what was accepted")
        finally:
            loop.stop()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    yield made
    made.bench.close()


def a_day() -> Recording:
    """What an ordinary day looks like."""
    scene = robot()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.listen(41_000, 700, AGENTD)
    scene.process(710, PYTHON, script=SCRIPT, exe_sha256=HASH, script_sha256=None)
    scene.tell("process.image", puid="710-9", script=SCRIPT, script_sha256=HASH)
    scene.tell("process.repeat", exe=AGENTD, argv=["x"], parent_exe=None, user="pi", count=4)
    looks(scene, 710, PYTHON)
    for name in ("API.example", "api.example", None):
        scene.close(scene.dial(700, CLOUD, remote_name=name), 100, 3 * MIB)
    return scene


def shown(host: Host, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert host.run("show", "rex", "--json", *more) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_day_is_learned_as_it_was(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs with their files, destinations by name, listeners, cameras, volume: each counted as the judge does."""
    host.hears(a_day(), 2)
    host.hears(a_day(), 1)
    usual = shown(host, capsys)["usual"]
    ran = {(one["exe"], one["script"]): one for one in usual["programs"]}
    assert set(ran) == {(AGENTD, None), (SSHD, None), (PYTHON, SCRIPT)}
    assert (ran[(AGENTD, None)]["starts"], ran[(AGENTD, None)]["exe_hashes"]) == (10, [HASH])
    assert (ran[(SSHD, None)]["exe_hashes"], ran[(PYTHON, SCRIPT)]["script_hashes"]) == ([], [HASH])
    assert ran[(AGENTD, None)]["last_t"] - ran[(AGENTD, None)]["first_t"] == pytest.approx(DAY)
    called = {one["place"]: (one["addresses"], one["port"], one["connections"]) for one in usual["destinations"]}
    assert called == {"api.example": ([CLOUD[0]], 443, 4), CLOUD[0]: ([], 443, 2)}
    doors = {(one["exe"], one["proto"], one["port"], one["scope"]) for one in usual["listeners"]}
    assert doors == {(SSHD, "tcp", 22, "any"), (AGENTD, "tcp", None, "any")}
    assert [(one["script"], one["camera"], one["opened"]) for one in usual["views"]] == [(SCRIPT, "/dev/video0", 2)]
    assert (usual["days"], usual["largest_out"] >> 20) == (2, 9)


def test_what_is_older_than_the_span_is_not_learned(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.hears(a_day(), 5)
    host.robot.boot()
    host.hears(robot(HASH, "/opt/new"), 1)
    assert [one["exe"] for one in shown(host, capsys, "--since", "2d")["usual"]["programs"]] == ["/opt/new"]


def test_what_runs_and_listens_since_before_the_span_is_learned_all_the_same(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broker that started a month ago is told no more, and is as usual as can be."""
    scene = robot()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    host.hears(scene, 20)
    late = Recording("r1")
    late.tell("heartbeat")
    host.hears(late, 1)
    usual = shown(host, capsys)["usual"]
    assert SSHD in [one["exe"] for one in usual["programs"]]
    assert [(one["exe"], one["port"]) for one in usual["listeners"]] == [(SSHD, 22)]


def test_lines_for_people_say_all_of_it_and_texts_of_robots_stay_text(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = a_day()
    scene.process(720, "/tmp/\x1b[2J\u202e")
    host.hears(scene)
    assert host.run("show", "rex") == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out and "\u202e" not in said.out
    for words in (
        "programs: 4", f"{PYTHON} {SCRIPT}: 1 starts", f"{AGENTD} -> api.example:443 tcp ({CLOUD[0]}): 2 connections",
        f"{SSHD}: tcp 22, any", f"{AGENTD}: tcp any of 32768-60999", "/dev/video0, 1 times", "9.0 MiB at most",
        "never hashed: its path is all", "nothing of this is accepted",
    ):  # fmt: skip
        assert words in said.out
    assert "less than a day was seen" in said.err
    assert host.bench.ledger.baselines.all() == []


def test_accepting_puts_it_on_record_with_who_and_why_and_the_next_replaces_it(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.hears(a_day())
    assert host.run("accept", "rex", *WHY) == 0
    assert "b1 (standing): rex: 3 programs, 2 destinations, 2 listeners, 1 cameras" in capsys.readouterr().out
    host.hears(robot(HASH, "/opt/new"), 0.5)
    assert host.run("show", "rex") == 0
    marked = [line for line in capsys.readouterr().out.splitlines() if line.startswith("+ ")]
    assert len(marked) == 1 and "/opt/new" in marked[0]
    assert host.run("accept", "rex", "--limit-destinations", *WHY) == 0
    assert "b1 counts no more" in capsys.readouterr().out
    (one, was), (two, now) = host.bench.ledger.baselines.all()
    assert (was, now, one.limited, two.limited) == ("replaced", "standing", False, True)
    assert two.author.endswith("at the command line") and two.why == WHY[1]
    assert host.run("list") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["b2 (standing)"]
    assert host.run("list", "--all", "--json") == 0
    assert [one["state"] for one in json.loads(capsys.readouterr().out)["baselines"]] == ["replaced", "standing"]
    assert host.run("show", "rex", "--accepted") == 0
    assert f"{SSHD}: tcp 22, any" in capsys.readouterr().out
    assert host.run("end", "b2", "--why", "moved") == 0
    assert host.run("list") == 0
    assert "no baseline counts" in capsys.readouterr().out
    assert host.run("show", "rex", "--accepted") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["accept", "nobody", *WHY], "no such robot"),
        (["accept", "rex", "--why", " "], "give a reason"),
        (["accept", "rex", "--since", "soon", *WHY], "give a span such as 7d"),
        (["accept", "rex", "--since", "2099-01-01", *WHY], "is not over yet"),
        (["accept", "rex", "--since", "1m", *WHY], "nothing was seen"),
        (["end", "b1", "--why", "x"], "there is none"),
    ],
)
def test_what_it_cannot_take_is_one_clear_line_and_nothing_is_made(
    host: Host, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    host.hears(a_day())
    assert host.run(*arguments) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    assert len(said) == 1 and words in said[0]
    assert host.bench.ledger.baselines.all() == []


def test_a_robot_that_has_too_much_is_shown_and_refused_in_one_line(
    host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A robot that scans the internet has no list of destinations; a path of a megabyte is none."""
    monkeypatch.setattr("wachhund.baseline.tally.MAX_DESTINATIONS", 3)
    scene = robot()
    for number in range(6):
        scene.dial(700, (f"198.51.100.{number}", 443))
    scene.process(701, "/" + "x" * 5_000)
    host.hears(scene)
    assert len(shown(host, capsys)["usual"]["destinations"]) == 3
    assert host.run("accept", "rex", *WHY) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "too much for one baseline: more than 3 destinations, names of more than 4096 characters" in said
    assert host.bench.ledger.baselines.all() == []


def test_hostile_observations_are_left_out_and_counted(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    scene = a_day()
    for kind in ("flow.open", "listen.open", "camera.open", "process.start", "process.image"):
        scene.tell(kind, flow=[], local="x", camera=7, exe=["x"], puid={}, remote=3)
    scene.tell("process.repeat", exe=3, count="x")
    scene.tell("process.exit", puid=[])
    host.hears(scene)
    found = shown(host, capsys)
    assert found["unreadable"] == 5 and len(found["usual"]["programs"]) == 3


def test_open_incidents_of_the_span_are_warned_of(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """What an intruder does each day would be taken for usual."""
    host.hears(robot(None, "/usr/local/zhexi/cloudsail/csclient"))
    host.judged()
    assert host.run("show", "rex") == 0
    assert "1 open incidents are of this time" in capsys.readouterr().err


def test_from_what_was_seen_to_an_incident_and_back_with_the_real_judge(host: Host) -> None:
    """Learned, accepted with its list, a stranger's call is told; accepted anew, it closes; ended, nothing is usual."""
    host.hears(a_day(), 2)
    assert host.run("accept", "rex", "--limit-destinations", *WHY) == 0
    strange = robot()
    strange.dial(700, ELSEWHERE)
    strange.dial(700, CLOUD)
    host.hears(strange, 0.1)
    host.judged()
    (incident,) = host.bench.ledger.incidents()
    assert incident["rules"] == ["behaviour: destination that is not on the list"]
    before = host.bench.ledger.incidents()
    host.judged()
    assert host.bench.ledger.incidents() == before, "the same from the written mind"
    known, bodies = host.bench.ledger.minds()
    assert host.bench.ledger.save_minds(known, "another", dict.fromkeys(bodies, b""))
    host.judged()
    assert host.bench.ledger.incidents() == before, "and from the first again"
    assert host.run("accept", "rex", "--limit-destinations", *WHY) == 0
    host.judged()
    (incident,) = host.bench.ledger.incidents()
    assert (incident["state"], incident["close_reason"]) == ("closed", "allowed")


def test_what_an_accepted_baseline_kept_quiet_stays_quiet_after_a_restart(host: Host) -> None:
    """Regular calls of a week: accepted once, told never; when it ends, told with the whole story."""
    host.hears(a_day(), 2)
    assert host.run("accept", "rex", *WHY) == 0
    scene = calls(robot())
    host.robot.clock = lambda: host.now
    host.robot.boot()
    for fact in scene.facts:
        host.bench.take(host.row, host.robot.token(fact.observation), t=fact.t - scene.facts[-1].t + host.now)
    host.judged()
    host.judged()
    assert host.bench.ledger.incidents() == []
    assert host.run("end", "b1", "--why", "x") == 0
    host.judged()
    (incident,) = host.bench.ledger.incidents()
    assert incident["state"] == "open" and incident["title"].startswith("Regular calls: agentd")


def test_learning_ends_while_a_robot_goes_on_to_talk(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A robot that floods its host must not keep the command that looks at it from ending."""
    monkeypatch.setattr(learning, "BATCH", 1)
    host.hears(a_day())
    read: list[int] = []
    ask = host.bench.ledger.observations_after

    def asked(*arguments: Any) -> Any:
        read.append(len(read))
        assert len(read) < 200, "it reads what came after it began"
        scene = robot()
        scene.process(10_000 + len(read), SSHD)
        host.hears(scene, 0.5)
        return ask(*arguments)

    monkeypatch.setattr(host.bench.ledger, "observations_after", asked)
    before = host.bench.ledger.last_observation()
    found = learning.learn(host.bench.ledger, host.row.id, host.now - 2 * DAY, host.now)
    assert 0 < found.read <= before
