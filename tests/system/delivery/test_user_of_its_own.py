"""An agent as the service runs it: a user other than root, with the capabilities that opening its sources takes."""

import json
import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.living import Living
from tests.waiting import until

pytestmark = pytest.mark.needs_root("capabilities to hand on")
_UID = "64938"
_CAPS = "+sys_admin,+dac_override,+dac_read_search,+sys_ptrace,+net_admin,+net_raw"
_KINDS = ("agent.start", "agent.stop", "config.state", "coverage")
# As systemd does it (AmbientCapabilities). `env` in between: only from it on do they hold, also for finding the Python.
AS_USER = ["setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups", f"--inh-caps={_CAPS}",
           f"--ambient-caps={_CAPS}", f"--bounding-set=-all,{_CAPS}", "--no-new-privs", "env"]  # fmt: skip


def senses(*before: str) -> dict[str, tuple[str, str]]:
    """What `doctor` says: each sense's source and state."""
    done = subprocess.run(
        [*before, AGENT_PYTHON, "-m", "wachhund_agent", "doctor", "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return {name: (one["source"], one["state"]) for name, one in json.loads(done.stdout)["sensors"].items()}


def test_it_sees_by_the_same_sources_as_root() -> None:
    """A user of its own must cost no sense: blind would be the price of being safe."""
    as_root = senses()
    assert as_root["process"] == ("tracefs", "event")
    assert senses(*AS_USER) == as_root


def test_when_its_events_are_switched_off_it_ends_to_be_started_with_what_opening_takes(tmp_path: Path) -> None:
    """It gave that up, and says so: the host hears that the events were lost, and why it stopped."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, Living(tmp_path) as robot:
        manager.bind(str(tmp_path / "notify"))
        os.chmod(tmp_path / "notify", 0o777)  # noqa: PTH101
        place = tmp_path / "robot"
        place.mkdir()
        for name in ("agent.json", "agent.key"):
            (tmp_path / name).rename(place / name)
        for path in (place, *place.iterdir()):
            os.chown(path, int(_UID), int(_UID))
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o001)
        with (tmp_path / "agent.out").open("wb") as out:
            agent = subprocess.Popen(
                [*AS_USER, f"NOTIFY_SOCKET={tmp_path}/notify", AGENT_PYTHON, "-m", "wachhund_agent", "run", "--config",
                 "agent.json"], cwd=place, stdout=out, stderr=out,
            )  # fmt: skip
        robot.agent = agent

        def said() -> list[tuple[str, dict[str, object]]]:
            with closing(robot.ledger()) as ledger:  # of a busy machine's programs there may be more than are asked for
                found = [one.observation for one in ledger.newest_observations(robot.robot, 500, kinds=_KINDS)]
            return [(one.kind, dict(one.fields)) for one in found]

        instance = Path(f"/sys/kernel/tracing/instances/wachhund-{agent.pid}-exec")
        until(lambda: any(kind == "coverage" for kind, _ in said()), 30, (tmp_path / "agent.out").read_text())
        (coverage,) = [fields for kind, fields in said() if kind == "coverage"][-1:]
        assert "tracefs" in json.dumps(coverage)
        (instance / "tracing_on").write_text("0")
        assert agent.wait(30) == 75, (tmp_path / "agent.out").read_text()
        until(lambda: any(kind == "agent.stop" for kind, _ in said()), 10, "its last word")
        told = said()
        assert any(kind == "config.state" and fields["name"] == "kernel-events" for kind, fields in told)
        assert {"version": told[0][1]["version"], "reason": "to open the kernel's events anew"} in [
            fields for kind, fields in told if kind == "agent.stop"
        ]
        for left in instance.parent.glob(f"wachhund-{agent.pid}-*"):  # as ExecStopPost does
            left.rmdir()
