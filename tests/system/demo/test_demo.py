"""The first command of the README, run as a person would: does it find its own scene, and put everything away?"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.demo.machine_links import left_since, links
from tests.system.demo.running_demo import PATIENCE, Demo


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that is over when the test is."""
    running = Demo(tmp_path / "d")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.communicate(timeout=PATIENCE)


def test_the_demo_finds_its_scene_and_accuses_nobody_else(demo: Demo) -> None:
    """Who is it, through what, from where: told by the host alone, compared with what only the scene knew."""
    before = links()
    status, said = demo.end()
    assert status == 0, (said[-1:], demo.heard)
    summary, incidents = said[-1], said[:-1]
    assert summary["demo"] == "passed"
    print("event to alert:", summary["seconds"], "in world", summary["world"], summary["coverage"])
    hops = [hop for told in incidents for hop in told["origin"]]
    assert any(hop.get("pid") == summary["pid"] for hop in hops)
    if summary["world"] != "loopback":
        assert any(hop.get("address") == summary["address"] for hop in hops)
    assert demo.left_behind() == []
    assert left_since(before) == set()


def test_with_the_agent_killed_the_demo_fails(demo: Demo) -> None:
    """A demo that passes without its sensor would show nothing."""
    agent = int(demo.hear(r"agent: pid (\d+)")[1])
    demo.hear(r"scene: stock noise")
    os.kill(agent, signal.SIGKILL)
    status, said = demo.end()
    assert status == 1
    assert said[-1]["demo"] == "failed"
    assert "Traceback" not in demo.heard
    assert demo.left_behind() == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.exhaustive) for one in (signal.SIGTERM, signal.SIGKILL))],
)
def test_a_demo_that_is_interrupted_leaves_nothing_behind(demo: Demo, number: signal.Signals) -> None:
    """Ctrl-C, a closed terminal, even kill -9: no process and no network link stays."""
    before = links()
    demo.hear(r"scene: a program that no rule knows")
    demo.process.send_signal(number)
    demo.end()
    assert "Traceback" not in demo.heard
    assert demo.left_behind() == []
    assert left_since(before) == set()
