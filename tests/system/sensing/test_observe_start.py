"""`wachhund-agent observe` says of itself that it begins and ends, and with a memory how the run before ended."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

_OBSERVE = [AGENT_PYTHON, "-m", "wachhund_agent", "observe"]


def run(*options: str) -> list[dict[str, Any]]:
    ran = subprocess.run([*_OBSERVE, "--seconds", "0.1", *options], capture_output=True, timeout=60, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_run_that_was_killed_is_told_by_the_next_and_one_that_was_not_is_told_as_such(tmp_path: Path) -> None:
    """The difference between a robot whose guard was struck down and one whose owner took it off."""
    state = str(tmp_path / "state")
    first = run("--state", state)
    assert (first[0]["kind"], first[0]["reason"], first[0]["clean"]) == ("agent.start", "first start", True)
    assert (first[-1]["kind"], first[-1]["reason"]) == ("agent.stop", "its time was over")
    out = tmp_path / "lines"
    with out.open("wb") as target:
        killed = subprocess.Popen([*_OBSERVE, "--state", state], stdout=target)
    until(lambda: b"\n" in out.read_bytes(), 30, "it has begun")
    busy = subprocess.run([*_OBSERVE, "--state", state], capture_output=True, timeout=60, check=False)
    assert busy.returncode == 2 and busy.stderr.count(b"\n") == 1 and b"another agent" in busy.stderr
    killed.kill()
    killed.wait(10)
    assert json.loads(out.read_bytes().splitlines()[0])["reason"] == "after a clean stop"
    after = run("--state", state)[0]
    assert (after["reason"], after["clean"]) == ("after an unclean stop", False)


def test_without_a_memory_nothing_is_claimed_of_the_run_before() -> None:
    told = run()
    assert told[0]["kind"] == "agent.start" and "clean" not in told[0]
    assert told[-1]["kind"] == "agent.stop"
