"""`wachhund judge`: a front door without a network, for pipes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.unit.host.judge.recording import SSHD, Recording
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
