"""A real V4L2 camera on the robot (the kernel's own `vivid`), and who looks through it: a step of a walk."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.robots.virtual.state import LOOK_S, TOLD_S, Walk
from tests.waiting import until

_LOOK = (Path(__file__).with_name("programs") / "look_through.py").read_text()
_DRIVER = "vivid"
# Two cameras, each with one node for pictures and nothing else.
_PLUG_IN = f"modprobe {_DRIVER} n_devs=2 node_types=0x1,0x1"


def look_through(walk: Walk) -> str:
    """Cameras are plugged in, somebody takes pictures with the second, and the ledger has who, from open to close."""
    nodes = walk.robot.run(f"ls -d /dev/video* 2> /dev/null; {_PLUG_IN} && udevadm settle && ls /dev/video*").stdout
    camera = nodes.split()[-1]
    until(lambda: _cameras(walk) >= 2, TOLD_S, "the host knows that cameras are there", LOOK_S)
    before = {one.id for one in walk.host.told("camera.open", "camera.close")}

    def told(kind: str) -> Callable[[], list[dict[str, Any]]]:
        return lambda: [dict(one.observation.fields) for one in walk.host.told(kind)
                        if one.id not in before and one.observation.fields["exe"] == "/usr/bin/python3.9"]  # fmt: skip

    viewer = subprocess.Popen(
        walk.robot.ssh(f"python3 -I -B -c {shlex.quote(_LOOK)} {camera}"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert viewer.stdout is not None and viewer.stdin is not None
        driver, *pictures = viewer.stdout.readline().split()
        assert driver == _DRIVER and len(pictures) == 3 and min(map(int, pictures)) > 10_000, (driver, pictures)
        until(told("camera.open"), TOLD_S, "the host's ledger tells who looks", LOOK_S)
    finally:
        viewer.communicate(timeout=60)
    until(told("camera.close"), TOLD_S, "and that he has ended", LOOK_S)
    (opened,), (closed,) = told("camera.open")(), told("camera.close")()
    assert (opened["camera"], opened["via"], opened["user"]) == (camera, "v4l2", "pi") and opened["puid"], opened
    # An agent that was started again meanwhile, on a machine that has no time, tells that it was open before.
    assert closed["puid"] == opened["puid"] and (opened["existing"] or closed["duration_s"] > 0), (opened, closed)
    walk.robot.run(f"rmmod {_DRIVER}")
    until(lambda: _cameras(walk) == 0, TOLD_S, "and that no camera is there any more", LOOK_S)
    length = "as it was before the agent" if opened["existing"] else f"for {closed['duration_s']:.1f} s"
    return f"{opened['user']} by {opened['exe']}: {camera} ({driver}), {pictures[0]} bytes a picture; open {length}"


def _cameras(walk: Walk) -> int:
    """How many the agent last told of."""
    for one in walk.host.told("config.state"):
        if one.observation.fields["name"] == "cameras":
            return int(one.observation.fields["value"])
    return 0
