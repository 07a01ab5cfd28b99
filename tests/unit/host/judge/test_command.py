"""`wachhund judge`: a front door without a network, for pipes."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.unit.host.judge.recording import SSHD, START, Recording
from tests.unit.host.judge.test_unusual import BASELINE, ELSEWHERE, LIMITED, USUAL, calls, robot
from wachhund.cli import main
from wachhund_evidence import observation_to_line

JUDGE = [sys.executable, "-m", "wachhund", "judge"]


def lines_of(scene: Recording) -> str:
    """A scene as `observe` would print it."""
    return "".join(observation_to_line(fact.observation) + "\n" for fact in scene.facts)


def grave_scene() -> Recording:
    """A vendor tunnel starts: level high."""
    scene = Recording()
    scene.process(51, "/usr/local/zhexi/cloudsail/csclient", ["csclient", "start"])
    return scene


def mild_scene() -> Recording:
    """A suspected relay: level medium."""
    scene = Recording()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(5)
    inner, _ = scene.within(812, None, 22)
    scene.relay(outer, inner, 812)
    return scene


def judged(text: str | bytes, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command on standard input."""
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run([*JUDGE, *(arguments or ("-",))], input=data, capture_output=True, timeout=60, check=False)


def test_nothing_high_is_status_0() -> None:
    """A script asks: is anybody on my robot?"""
    ran = judged(lines_of(mild_scene()))
    assert (ran.returncode, ran.stderr) == (0, b"")
    (incident,) = map(json.loads, ran.stdout.splitlines())
    assert incident["level"] == "medium"


def allowed(tmp_path: Path, **changed: object) -> Path:
    """A file as `wachhund authorise list --all --json` prints it."""
    one = {
        "id": "a1", "who": "anna", "robots": ["another"], "surfaces": [], "from": None, "carrier": "CloudSail",
        "from_t": START - 9, "until_t": START + 9, "why": "support", "author": "bert", "made_t": START - 9,
        "ended_by": None, "ended_why": None, "state": "past", "covers": 0, **changed,
    }  # fmt: skip
    path = tmp_path / "allowed.json"
    path.write_text(json.dumps({"authorisations": [one]}))
    return path


def test_what_is_allowed_in_a_file_is_quiet_from_when_it_was_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recorded scene is judged as it was live, with what the operators had said."""
    lines, scene = tmp_path / "lines", grave_scene()
    scene.wait(5)
    scene.tell("heartbeat")
    lines.write_text(lines_of(scene))

    def stands(**changed: object) -> tuple[int, list[object]]:
        status = main(["judge", "--allowed", str(allowed(tmp_path, **changed)), str(lines)])
        return status, [json.loads(line)["close_reason"] for line in capsys.readouterr().out.splitlines()]

    assert stands() == (0, [])
    assert stands(carrier="NPS") == (3, [None])
    assert stands(made_t=START + 3) == (0, ["allowed"])


@pytest.mark.parametrize(
    "changed", [{"surfaces": ["kitchen"]}, {"from": ["10.0.0.1/8"]}, {"until_t": "soon"}, {"who": 7}, {"carrier": []}]
)
def test_a_file_that_is_not_as_it_was_printed_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, object]
) -> None:
    """Judged without half of what was allowed, the result would be worth nothing."""
    assert main(["judge", "--allowed", str(allowed(tmp_path, **changed)), "-"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "authorisation 1: " in said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"authorisations": 7}', "[" * 100_000])
def test_a_file_with_something_else_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "x").write_text(text)
    assert main(["judge", "--allowed", str(tmp_path / "x"), "-"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "holds no list" in said


def test_what_was_accepted_as_usual_is_quiet_and_what_is_not_in_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recorded lines are judged by a baseline as a host prints it; without it they are told as ever."""
    host = HostBench(tmp_path / "host")
    row = host.add("rex", ScriptedRobot())
    host.ledger.baselines.accept(replace(LIMITED, robot=row.id))
    host.close()
    capsys.readouterr()
    assert main(["baseline", "show", "rex", "--accepted", "--json", "--data", str(tmp_path / "host")]) == 0
    usual = tmp_path / "usual.json"
    usual.write_text(capsys.readouterr().out)
    known, strange = tmp_path / "known", tmp_path / "strange"
    known.write_text(lines_of(calls(robot())))
    strange.write_text(lines_of(calls(robot(), ELSEWHERE)))

    def rules(*arguments: str) -> list[list[str]]:
        assert main(["judge", *arguments]) == 0
        return [json.loads(line)["rules"] for line in capsys.readouterr().out.splitlines()]

    assert rules("--baseline", str(usual), str(known)) == []
    assert rules(str(known)) == [["behaviour: regular calls (beacon score)"]]
    (told,) = rules("--baseline", str(usual), str(strange))
    assert "behaviour: destination that is not on the list" in told


def accepted_file(tmp_path: Path, act: object = None, **changed: object) -> Path:
    """A file as `wachhund baseline show ROBOT --accepted --json` prints it."""
    path = tmp_path / "usual.json"
    usual = {**json.loads(json.dumps(asdict(USUAL))), **changed}
    path.write_text(json.dumps({"baseline": act or BASELINE.to_json(), "usual": usual}))
    return path


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"programs": [{"exe": 7}]}, "programs: exe: "),
        ({"programs": [{}] * 1_001}, "programs: "),
        ({"destinations": 7}, "destinations: "),
        ({"listeners": [["sshd"]]}, "listeners: "),
        ({"views": None}, "views: "),
        ({"largest_out": -1}, "volume: largest_out: "),
        ({"act": {"id": "b1"}}, "baseline: "),
        ({"act": {**BASELINE.to_json(), "made_t": float("nan")}}, "baseline: made_t: "),
    ],
)
def test_a_baseline_that_is_not_as_it_was_printed_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, object], part: str
) -> None:
    """What half of it keeps quiet is nobody's decision."""
    assert main(["judge", "--baseline", str(accepted_file(tmp_path, **changed)), "-"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and part in said


@pytest.mark.parametrize(
    "text", ["", "[]", '{"usual": {}}', '{"usual": {}, "baseline": null}', '{"usual": {}, "baseline": {}, "read": 7}']
)
def test_what_was_only_learned_is_no_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """It counts when a person accepted it, here too."""
    (tmp_path / "x").write_text(text)
    assert main(["judge", "--baseline", str(tmp_path / "x"), "-"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "holds no accepted baseline" in said


def test_something_high_is_status_3_even_beside_an_unusable_line() -> None:
    """The graver news wins."""
    ran = judged(lines_of(grave_scene()) + "{broken\n")
    assert ran.returncode == 3
    assert b"line 2" in ran.stderr


def test_an_unusable_line_is_named_and_the_rest_is_judged() -> None:
    """Line number and reason, no traceback, nothing else lost."""
    text = '[]\n{"kind":"x"}\n\n{"kind":"flow.open","t":1,"mono":1,"sensor":"s","flow":7}\n' + lines_of(mild_scene())
    ran = judged(text)
    assert ran.returncode == 2
    assert len(ran.stdout.splitlines()) == 1
    errors = ran.stderr.decode().splitlines()
    assert [f"line {number}" in error for number, error in zip((1, 2, 4), errors, strict=True)] == [True] * 3


def test_evidence_names_the_line_also_behind_blank_ones() -> None:
    """The reader goes there with an editor."""
    incident = json.loads(judged("\n\n" + lines_of(grave_scene())).stdout)
    assert incident["evidence"] == [{"line": 3}]
    assert incident["robot"] is None


def test_hostile_bytes_in_a_line_reach_the_terminal_as_codes() -> None:
    """Standard error is a terminal, too."""
    ran = judged(b'{"kind":"\x1b[2J\xff\xfe"}\n\xe2\x80\xae\n')
    assert ran.returncode == 2
    assert b"\x1b" not in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_a_line_without_end_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    """An endless line is one unusable line, not all memory."""
    file = tmp_path / "long"
    file.write_bytes(b"x" * 3_000_000 + b"\n" + lines_of(grave_scene()).encode())
    ran = judged("", str(file))
    assert ran.returncode == 3
    assert b"line 1: longer than" in ran.stderr


def test_a_missing_file_is_one_clear_line_and_status_2(tmp_path: Path) -> None:
    """What, where, what to do."""
    ran = judged("", str(tmp_path / "none"))
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert len(ran.stderr.splitlines()) == 1


def test_several_files_are_one_robots_story(tmp_path: Path) -> None:
    """A recording cut in two."""
    text = lines_of(mild_scene()).splitlines(keepends=True)
    for name, part in (("a", text[:3]), ("b", text[3:])):
        (tmp_path / name).write_text("".join(part))
    ran = judged("", str(tmp_path / "a"), str(tmp_path / "b"))
    assert len(ran.stdout.splitlines()) == 1


def test_a_rule_that_is_not_in_use_is_said(tmp_path: Path) -> None:
    """Never skipped silently."""
    (tmp_path / "bad.yml").write_text("title: x\n")
    ran = judged(lines_of(mild_scene()), "--rules", str(tmp_path), "-")
    assert ran.returncode == 0
    assert b"rule not in use" in ran.stderr


def test_an_interrupt_prints_what_there_is() -> None:
    """Ctrl-C on `observe | judge -` is how one ends it."""
    with subprocess.Popen(
        [*JUDGE, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin and running.stdout and running.stderr
        running.stdin.write(b"no json\n" + lines_of(grave_scene()).encode())
        running.stdin.flush()
        assert b"line 1" in running.stderr.readline(), "the first batch is judged"
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 3
        assert json.loads(running.stdout.read())["level"] == "high"
        assert b"Traceback" not in running.stderr.read()


def test_an_incident_that_turned_out_to_be_a_part_of_another_is_told_there_only() -> None:
    """One attack, one line."""
    scene = Recording()
    scene.process(600, "/usr/sbin/ptunnel", ["ptunnel", "-p", "203.0.113.7", "-lp", "2000"])
    scene.process(601, "/usr/bin/ssh", ["ssh", "-N", "-R", "2222:127.0.0.1:22", "-p", "2000", "root@127.0.0.1"])
    scene.dial(600, ("203.0.113.7", 0), proto="icmp")
    scene.within(601, 600, 2_000)
    (incident,) = map(json.loads, judged(lines_of(scene)).stdout.splitlines())
    assert (incident["tunnel"], incident["joined"]) == ("ptunnel", None)
