"""`wachhund controllers`: who was there at a moment, and what the answer looks like when nobody knows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.cli import main

T = 1_700_000_000.0  # 2023-11-14T22:13:20Z


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HostBench]:
    made = HostBench(tmp_path / "host")
    yield made
    made.ledger.close()


def session(robot: str, name: str, first_t: float, last_t: float | None, **more: Any) -> dict[str, Any]:
    origin = [
        {"hop": "address", "address": "203.0.113.9", "port": 51820},
        {"hop": "link", "name": "wg0", "kind": "wireguard", "address": "10.8.0.1"},
        {"hop": "service", "name": "ssh", "port": 22},
    ]
    fields = {"id": name, "robot": robot, "surface": "ssh", "user": None, "first_t": first_t, "last_t": last_t}
    return {**fields, "origin": origin, "carrier": "tunnel", "bytes_in": 7, "bytes_out": 9, "incident": None, **more}


def asked(bench: HostBench, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["controllers", *arguments, "--data", str(bench.data.path)]) == 0
    return capsys.readouterr().out


def test_who_was_there_at_a_past_moment_and_who_is_now(bench: HostBench, capsys: pytest.CaptureFixture[str]) -> None:
    rex, ada = (bench.add(name, ScriptedRobot()).id for name in ("rex", "ada"))
    bench.ledger.save_judgement(
        1, [], [session(rex, "a", T, T + 60), session(rex, "b", T + 100, None), session(ada, "c", T, T + 3600)]
    )
    then = asked(bench, capsys, "--at", "2023-11-14T22:14:00")
    assert then.count("\n") == 2 and "rex: ssh" in then and "ada: ssh" in then
    assert "203.0.113.9 → wg0 → ssh (carrier tunnel, 7 bytes in, 9 out)" in then
    (now,) = (json.loads(line) for line in asked(bench, capsys, "--json").splitlines())
    assert (now["id"], now["robot_name"], now["last_t"]) == ("b", "rex", None)
    assert "ada" not in asked(bench, capsys, "rex", "--at", "2023-11-14T22:14:00")


def test_it_says_by_which_authorisation_somebody_was_allowed(
    bench: HostBench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who is there and did anybody allow it is one question."""
    rex = bench.add("rex", ScriptedRobot()).id
    covering = {"id": "a7", "who": "anna", "until_t": T + 60, "why": "repairs"}
    bench.ledger.save_judgement(
        1, [], [session(rex, "a", T, None, authorisation=covering), session(rex, "b", T - 9, None, incident="i1")]
    )
    allowed, not_allowed = asked(bench, capsys).splitlines()
    assert allowed.endswith(", allowed by a7 of anna)")
    assert not_allowed.endswith(", incident i1)")


def test_nobody_is_an_answer_of_its_own(bench: HostBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(bench, capsys).startswith("Nobody is in the controller ledger at ")
    assert asked(bench, capsys, "--json") == ""


def test_a_robots_text_stays_text(bench: HostBench, capsys: pytest.CaptureFixture[str]) -> None:
    row = bench.add("rex", ScriptedRobot())
    bench.ledger.save_judgement(1, [], [session(row.id, "a", T, None, carrier="\x1b[2J\nfake: line")])
    said = asked(bench, capsys)
    assert "\x1b" not in said and said.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--at", "yesterday"), ("nobody",), ("--at", "9999999"), ("--at", "9999-12-31")])
def test_what_is_misused_is_one_line_and_exit_2(
    bench: HostBench, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main(["controllers", *arguments, "--data", str(bench.data.path)]) in (1, 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("wachhund: ")
