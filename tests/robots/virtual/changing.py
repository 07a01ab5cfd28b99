"""Other versions, and no power: steps of a walk."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.robots.virtual.state import LOOK_S, TOLD_S, UNIT, WITHIN_S, Walk
from tests.waiting import until

_STARTED = "39f53479d3a045ac8e11786248231fbf"  # by which systemd tells of a unit that has started
_TRIAL_S = 60  # of a version that never gets a receipt


def update(walk: Walk) -> str:
    """To a later version; the one before is kept."""
    first = walk.status()["current"]
    done = walk.say("newer.run", f"update --within {WITHIN_S}")
    assert done.returncode == 0, done.stdout + done.stderr
    found = walk.status()
    assert found["current"].startswith("9.0.0-") and first in found["versions"] and found["trial"] is None, found
    return f"{found['current']}, verified"


def roll_back(walk: Walk) -> str:
    """A version that reaches no host gives way by itself."""
    before = walk.status()
    done = walk.say("mute.run", f"update --within {_TRIAL_S}")
    assert done.returncode == 22 and len(done.stderr.splitlines()) == 1, done.stdout + done.stderr
    until(lambda: walk.status()["verified"], TOLD_S, "the version before is verified again", LOOK_S)
    found = walk.status()
    assert (found["current"], found["versions"], found["trial"]) == (before["current"], before["versions"], None), found
    return done.stderr.strip()


def cut_power(walk: Walk) -> str:
    """In the middle of an update: the robot comes up as it was, and the update is said again."""
    before = walk.status()["current"]
    for line in _lines(walk, f"sh ./newest.run update --within {WITHIN_S} --json"):
        if line["step"] == "unpack" and line["state"] == "begun":
            walk.robot.cut_power()
            break
    else:
        raise AssertionError("the update came to its end before the power was cut")
    starts = len(walk.host.told("agent.start"))
    walk.robot.boot()
    until(lambda: len(walk.host.told("agent.start")) > starts, TOLD_S, "the agent starts with the robot", LOOK_S)
    until(lambda: walk.word == "verified", TOLD_S, "the host says verified", LOOK_S)
    assert walk.status()["current"] == before, walk.status()
    agent, sessions = _first_up(walk, UNIT), _first_up(walk, "systemd-user-sessions.service")
    assert agent < sessions, f"somebody could log in before it saw: {agent}, {sessions} us; {_journal(walk)}"
    done = walk.say("newest.run", f"update --within {WITHIN_S}")
    assert done.returncode == 0, done.stdout + done.stderr
    found = walk.status()
    assert found["current"].startswith("9.2.0-") and found["verified"] and not found["half_finished"], found
    return "up again before anybody may log in, verified; the update said again is done"


def _first_up(walk: Walk, unit: str) -> int:
    """When it was up for the first time since the power came back, in microseconds: it may have been started again."""
    told = walk.robot.run(f"journalctl --boot --output=json UNIT={unit} MESSAGE_ID={_STARTED}").stdout.splitlines()
    return int(json.loads(told[0])["__MONOTONIC_TIMESTAMP"])


def _journal(walk: Walk) -> str:
    return walk.robot.run(f"journalctl --boot --no-pager --output=short-monotonic --unit {UNIT}").stdout


def _lines(walk: Walk, command: str) -> Iterator[dict[str, Any]]:
    """What a command prints, a JSON object a line, while it runs."""
    process = subprocess.Popen(
        walk.robot.as_root(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield json.loads(line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
