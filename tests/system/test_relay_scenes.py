"""A few drawn scenes with real processes and sockets; `python -m tests.bench.relay_rates` plays all."""

import concurrent.futures
import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.bench.relay_rates import play, verdict
from tests.system.relay_scenes import network
from tests.system.relay_scenes.draw import draw_benign, draw_relay

WHY_NOT = network.why_not()
pytestmark = [pytest.mark.thorough, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]


def _first(drawn: Any, **wanted: Any) -> int:
    """The first seed whose draw is like this."""
    return next(seed for seed in range(1000) if all(drawn(seed)[key] == value for key, value in wanted.items()))


UNWRAPPED = {"frame": False, "padding": 0, "compress": False}
PLAIN = {"tls": False, "delay_ms": [0, 0], "direction": "out", "wrap": UNWRAPPED}


SPLITS = (None, "pipe", "socketpair")
HARMLESS = ("telemetry", "web application", "file sync", "mqtt bridge")
Outcomes = dict[str | None, dict[str, Any]]


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    """All scenes, played side by side: they mostly wait."""
    with concurrent.futures.ThreadPoolExecutor(len(SPLITS) + len(HARMLESS)) as pool:
        seeds = {split: _first(draw_relay, split=split, **PLAIN) for split in SPLITS}
        playing = {split: pool.submit(play, "relay", seed, 25.0) for split, seed in seeds.items()}
        playing |= {kind: pool.submit(play, "benign", _first(draw_benign, kind=kind), 15.0) for kind in HARMLESS}
        return {name: scene.result() for name, scene in playing.items()}


@pytest.mark.parametrize("split", SPLITS)
def test_a_relay_that_no_rule_names_is_recognised(outcomes: Outcomes, split: str | None) -> None:
    """In one process, or in two that only a pipe or a socket pair joins."""
    outcome = outcomes[split]
    assert verdict(outcome) == "relay", outcome
    first, last = outcome["told"][0], outcome["told"][-1]
    assert first["outer_remote"][0] == last["outer_remote"][0] == network.OUTSIDE
    assert last["inner_remote"][0] == "127.0.0.1"
    assert not last["structure"]["server"]
    assert last["structure"]["joined_by"] != "same process" or split is None
    assert len(last["evidence"]["windows"]) <= 60


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
def test_socat_is_recognised() -> None:
    """A real program, and one that nothing here was written beside."""
    seed = _first(draw_relay, session_kind="shell", **PLAIN)
    done = subprocess.run(
        [*network.enter(), sys.executable, "-m", "tests.system.relay_scenes.stage", "relay", str(seed),
         "--seconds", "25", "--program", "socat"],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    outcome = json.loads(done.stdout)
    assert verdict(outcome) == "relay"
    assert outcome["told"][-1]["exe"].rsplit("/", 1)[-1].startswith("socat")


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_harmless_program_is_not_accused(outcomes: Outcomes, kind: str) -> None:
    """A pair is formed and watched, and is not called a relay; a server's passing on is said to be a server's."""
    outcome = outcomes[kind]
    assert outcome.get("told"), outcome
    assert verdict(outcome) in ("one-way-out", "not-a-relay", "undecided", "server")
    assert all(one["structure"]["server"] == (kind == "web application") for one in outcome["told"])
