"""`wachhund-agent doctor` on the real machine: each sense, its source and its limits, for people and for programs."""

import json
import os
import subprocess

import pytest

from tests.robots.agent_python import AGENT_PYTHON


def doctor(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, AGENT_PYTHON, "-m", "wachhund_agent", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_doctor_names_each_sense_and_what_it_cannot_see() -> None:
    done = doctor()
    assert done.stderr == ""
    told = {line.split()[0]: line for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert {"process", "tcp", "relay", "watcher"} <= set(told)
    expected = "hears each event" if os.geteuid() == 0 else "looks now and then"
    assert expected in told["process"] and expected in told["tcp"]
    if os.geteuid() != 0:
        assert "> run it as root" in done.stdout


def test_doctor_tells_programs_the_same() -> None:
    done = doctor("--json")
    sensors = json.loads(done.stdout)["sensors"]
    assert sensors["process"]["state"] == ("event" if os.geteuid() == 0 else "poll")
    assert (done.returncode == 1) == any(sense["state"] == "blind" for sense in sensors.values())


@pytest.mark.needs_root("a mount namespace")
def test_without_tracefs_doctor_says_what_would_help() -> None:
    """tracefs hidden behind an empty file system that cannot be mounted over: the agent has to look instead."""
    hide = 'mount -t tmpfs none /sys/kernel && mount -o remount,ro /sys/kernel && exec "$@"'
    done = doctor("--json", before=("unshare", "--mount", "sh", "-c", hide, "sh"))
    process = json.loads(done.stdout)["sensors"]["process"]
    assert process["state"] == "poll" and process["source"] == "procfs"
    assert "mount -t tracefs" in process["advice"][0]
