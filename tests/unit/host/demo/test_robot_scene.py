"""Where the stand-in robot cannot stand, one line says why."""

from pathlib import Path

import pytest

from wachhund.demo.children import Children
from wachhund.demo.robot_scene import RobotScene, start_stage
from wachhund_evidence import MisuseError

STAGE = """
import json, sys
print(json.dumps({said}), flush=True)
for line in sys.stdin:
    answer = {{"fact": line.strip(), "mono": 1.0, "pids": [7], "pid": 8, "exe": "/x", "address": "203.0.113.80"}}
    print(json.dumps(answer), flush=True)
"""


def clone(folder: Path, said: dict[str, object]) -> Path:
    """A clone whose robot is a program that says this first."""
    program = folder / "tests" / "robots" / "go1" / "stage.py"
    program.parent.mkdir(parents=True)
    program.write_text(STAGE.format(said=repr(said)))
    return folder


def test_an_installed_package_says_that_a_clone_is_needed(tmp_path: Path) -> None:
    """The robot lies in tests/, which no wheel holds."""
    with Children(tmp_path / "logs") as children, pytest.raises(MisuseError, match="in a clone"):
        start_stage(children, "go1", tmp_path / "robot", clone=tmp_path, uid=0)


def test_an_ordinary_user_is_told_that_root_is_needed(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children, pytest.raises(MisuseError, match="needs root"):
        start_stage(children, "go1", tmp_path / "robot", uid=1000)


def test_what_the_robot_lacks_is_said_in_its_words(tmp_path: Path) -> None:
    """nginx, mosquitto, sshd, dnsmasq: whoever lacks one learns which."""
    where = clone(tmp_path, {"fact": "cannot", "why": "a Go1 needs nginx: install them as .ci/run does"})
    with Children(tmp_path / "logs") as children, pytest.raises(MisuseError, match="a Go1 needs nginx"):
        start_stage(children, "go1", tmp_path / "robot", clone=where, uid=0)


def test_the_cast_is_what_the_stage_said(tmp_path: Path) -> None:
    """Only the scene knows who plays what; the host is asked afterwards."""
    where = clone(tmp_path, {"fact": "standing", "inside": ["env"], "sshd": 9})
    with Children(tmp_path / "logs") as children:
        stage, standing = start_stage(children, "go1", tmp_path / "robot", clone=where, uid=0)
        scene = RobotScene(stage, standing)
        assert scene.world.robot == ("env",) and scene.failed() is None
        scene.begin()
        scene.dial()
        cast = scene.cast()
        assert (cast.relay_pid, cast.console_pid, cast.outside_address) == (8, 9, "203.0.113.80")
        assert cast.stock_pids == {7} and cast.surface == "ssh"
        assert scene.known_visitors([("control", {"client": ["192.0.2.1", 2]})]) == {"camera": False, "phone": False}
    assert scene.failed() is not None
