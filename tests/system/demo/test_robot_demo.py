"""The demo on a stand-in Go1: does the host name who came through the vendor's tunnel, and accuse nobody else?"""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.demo.machine_links import left_since, links
from tests.system.demo.running_demo import PATIENCE, Demo

pytestmark = [pytest.mark.needs_root("a robot in network namespaces"), pytest.mark.thorough]


def robots() -> set[str]:
    """Network namespaces of stand-ins on this machine, those of tests that run beside this one too."""
    said = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True, timeout=10).stdout
    return {line.split()[0] for line in said.splitlines() if line.startswith("wachhund-go1")}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path / "d", "--robot", "go1")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.communicate(timeout=PATIENCE)


def of_stage(demo: Demo) -> set[str]:
    """The namespaces of this demo's robot that still stand; their names hold the stage's pid."""
    found = re.search(r"robot: pid (\d+)", demo.heard)
    assert found is not None, demo.heard
    return {name for name in robots() if name.startswith(f"wachhund-go1-{found[1]}-")}


def test_the_visitor_through_the_vendors_tunnel_is_named_and_the_stock_robot_is_not(demo: Demo) -> None:
    """The whole story on the robot's own daemons: tunnel, login by loopback, camera, phone; and no false alarm."""
    before = links()
    status, said = demo.end()
    assert status == 0, (said[-1:], demo.heard)
    summary, incidents = said[-1], said[:-1]
    assert (summary["demo"], summary["world"]) == ("passed", "go1")
    assert summary["visitors"] == {"camera": True, "phone": True}
    (enrolled,) = [one for one in incidents if one["id"] in summary["other_incidents"]]
    assert enrolled["title"].startswith("The robot is enrolled at the vendor's cloud"), "which it is, and that is all"
    (incident,) = [one for one in incidents if one is not enrolled]
    (session,) = [one for one in incident["sessions"] if one["surface"] == "ssh"]
    assert session["user"] == "pi" and session["origin"][0]["address"] == summary["address"]
    assert any(hop.get("pid") == summary["pid"] for hop in session["origin"])
    assert of_stage(demo) == set() and demo.left_behind() == [] and left_since(before) == set()


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.exhaustive) for one in (signal.SIGTERM, signal.SIGKILL))],
)
def test_a_robot_that_is_interrupted_leaves_nothing_behind(demo: Demo, number: signal.Signals) -> None:
    """Ctrl-C, a closed terminal, even kill -9: no namespace, no daemon and no link stays."""
    before = links()
    demo.hear(r"scene: the vendor's tunnel")
    assert of_stage(demo) != set()
    demo.process.send_signal(number)
    demo.end()
    assert "Traceback" not in demo.heard
    assert demo.left_behind() == [] and left_since(before) == set() and of_stage(demo) == set()
