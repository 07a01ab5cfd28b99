"""The vendor's tunnel on the robot, and a stranger who comes through it: steps of a walk."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests.robots.virtual.machine import HOST
from tests.robots.virtual.state import LOOK_S, TOLD_S, Walk
from tests.waiting import until

UNIT = "CSClientDaemon.service"
_FOLDER = "/usr/local/zhexi"
_UNITS = "/etc/systemd/system"
# All paths that it adds to a stock robot.
PLACES = (
    _FOLDER, f"{_FOLDER}/cloudsail", *(f"{_FOLDER}/cloudsail/{name}" for name in ("csclient", "daemon", "stat.yml")),
    f"{_UNITS}/{UNIT}", f"{_UNITS}/multi-user.target.wants/{UNIT}",
)  # fmt: skip
_PROGRAM = Path(__file__).resolve().parents[1] / "go1" / "programs" / "tunnel.py"
_INSTALL = (Path(__file__).with_name("programs") / "enrol_tunnel.sh").read_text()
# Nothing of it stays in a shell's history: the robot's files are compared at the end.
_COMMAND = "unset HISTFILE; mosquitto_pub -h 127.0.0.1 -t controller/action -m standUp; echo did $?\n"


def enrol(walk: Walk) -> str:
    """The robot is in the internet for the first time: the vendor's tunnel installs itself and dials its cloud."""
    walk.cloud.open()
    walk.robot.run(
        f"sh -c {shlex.quote(_INSTALL)} sh {UNIT} {HOST} {walk.cloud.port}", given=_PROGRAM.read_text()
    )  # fmt: skip
    until(lambda: walk.cloud.has_robot, TOLD_S, "the robot has dialled in", LOOK_S)
    return "it stands, and starts with the robot"


def come_through(walk: Walk) -> str:
    """A stranger logs in through the tunnel and makes the robot stand up: an incident of the real judge."""
    argv = walk.robot.ssh("-tt", "-o", "ServerAliveInterval=30", port=walk.cloud.door)
    screen = walk.folder / "stranger.out"
    with screen.open("wb") as shown:
        stranger = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=shown, stderr=shown)
    try:
        assert stranger.stdin is not None
        stranger.stdin.write(_COMMAND.encode())
        stranger.stdin.flush()
        until(lambda: "did 0" in screen.read_text(errors="replace"), TOLD_S, f"the command was sent ({screen})", LOOK_S)
        until(lambda: _of_stranger(walk), TOLD_S, "the host has an incident of the command", LOOK_S)
        stranger.stdin.write(b"exit\n")
    finally:
        assert stranger.stdin is not None
        stranger.stdin.close()
        stranger.wait(60)
    (incident,) = _of_stranger(walk)
    assert incident["level"] == "critical" and "CloudSail" in incident["title"], incident["title"]
    assert {"T1572", "T1021.004"} <= set(incident["attack"]), incident["attack"]
    assert {one["surface"] for one in incident["sessions"]} >= {"ssh", "mqtt"}, incident["sessions"]
    return "\n".join([f"{incident['level']}: {incident['title']}", *(f"  {line}" for line in incident["story"])])


def _of_stranger(walk: Walk) -> list[dict[str, Any]]:
    """Incidents of remote control in whose story the command stands."""
    return [
        one for one in walk.incidents()
        if one["kind"] == "remote-control" and any("action (standUp)" in line for line in one["story"])
    ]  # fmt: skip
