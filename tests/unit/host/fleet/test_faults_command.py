"""`wachhund robots show` and `acknowledge`: faults of a robot's evidence at the command line."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.assurance import LEVEL
from wachhund.fleet import commands
from wachhund.ledger import Fault, Robot
from wachhund_evidence import MisuseError

T = 1_000_000.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    made = HostBench(tmp_path / "host")
    yield made
    made.close()


@pytest.fixture
def row(bench: HostBench) -> Robot:
    """A robot with two faults: a fork, and a journal that was lost."""
    robot = ScriptedRobot()
    made = bench.add("rex", robot)
    start = robot.saw("agent.start", version="0.1.0", build_sha256="cd" * 32, reason="first start", clean=True)
    bench.take(made, robot.token(start), t=T)
    robot.rewind(0)
    bench.take(made, robot.token(), t=T + 1)
    robot.new_chain()
    bench.take(made, robot.heartbeat(), t=T + 2)
    return made


def run(bench: HostBench, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands.add_parser(parser.add_subparsers())
    args = parser.parse_args(["robots", *arguments, "--data", str(bench.data.path)])
    return int(args.run(args))


def open_faults(bench: HostBench, row: Robot) -> list[Fault]:
    return bench.ledger.faults(row.id)


def test_show_tells_each_fault_in_three_sentences(
    bench: HostBench, row: Robot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(bench, "show", "rex") == 0
    said = capsys.readouterr().out
    for fault in open_faults(bench, row):
        for words in (fault.id, fault.kind.title, fault.detail, fault.kind.may_mean, fault.kind.to_do):
            assert words in said
    assert "agent: not a released build (code cdcdcdcdcdcd…)" in said and f"assurance: {LEVEL}:" in said


def test_acknowledge_one_then_all_and_show_who_did_it(
    bench: HostBench, row: Robot, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = open_faults(bench, row)
    assert run(bench, "acknowledge", "rex", "--fault", second.id, "--why", "I cleaned it") == 0
    assert capsys.readouterr().out == f"{second.id}: {second.detail}\n"
    assert open_faults(bench, row) == [first]
    assert run(bench, "acknowledge", row.id, "--why", "and this") == 0 and open_faults(bench, row) == []
    run(bench, "show", "rex")
    said = capsys.readouterr().out
    assert "at the command line: I cleaned it" in said and "at the command line: and this" in said
    assert first.kind.to_do not in said


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nobody", "--why", "x"], "no such robot"),
        (["rex", "--why", " "], "--why"),
        (["rex", "--fault", "\x1b[2J", "--why", "x"], "no such fault"),
        (["rex", "--fault", "x" * 10_000, "--why", "x"], "no such fault"),
    ],
)
def test_what_cannot_be_acknowledged_is_one_clear_line(
    bench: HostBench, row: Robot, arguments: list[str], what: str
) -> None:
    with pytest.raises(MisuseError, match=what) as refused:
        run(bench, "acknowledge", *arguments)
    assert "\n" not in str(refused.value) and "\x1b" not in str(refused.value) and len(open_faults(bench, row)) == 2
