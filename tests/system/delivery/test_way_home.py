"""A robot comes home at whichever of its host's addresses answers. Real hosts, brokers, agents; loopback addresses.

The host is moved from one address to another, as a laptop is that is carried from the bench to the campus.
"""

import json
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.open_host import Open
from tests.waiting import until

BENCH, CAMPUS = "127.0.0.2", "127.0.0.3"


def enrolled(host: Open) -> None:
    done = host.enrol(host.robots("invite", "rex"))
    assert done.returncode == 0, done.stderr
    config = json.loads((host.folder / "agent.json").read_text())
    assert config["broker"] == [f"mqtts://{name}:{host.broker}" for name in host.names], "as the host says them"
    host.robot = config["robot"]


def delivers(host: Open) -> None:
    before = host.tokens()
    until(lambda: host.tokens() > before + 1, 40, "evidence comes")


def moved(host: Open, to: str) -> None:
    host.stop_host()
    host.at = to
    host.start_host()


def test_a_robot_finds_its_host_at_whichever_address_it_is(tmp_path: Path) -> None:
    """The first is dead when the robot comes, later the host is there, then it is at the other again."""
    with Open(tmp_path, (BENCH, CAMPUS), CAMPUS) as host:
        enrolled(host)
        agent = host.start_agent()
        delivers(host)
        dead = f"broker {BENCH}:{host.broker}: not reachable (refused: nothing listens there)"
        assert host.said("agent").count(dead) == 1
        for address in (BENCH, CAMPUS):
            moved(host, address)
            delivers(host)
        assert host.said("agent").count("connection lost") == 2
        agent.terminate()
        assert agent.wait(20) == 0 and "Traceback" not in host.said("agent")


@pytest.mark.thorough
def test_where_another_host_answers_it_is_told_nothing_and_the_next_is_tried(tmp_path: Path) -> None:
    """On a foreign network the bench's address may be anybody's, also that of another owner's Wachhund."""
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    with (
        Open(tmp_path / "theirs", (BENCH,), BENCH) as theirs,
        Open(tmp_path / "ours", (BENCH, CAMPUS), CAMPUS) as ours,
    ):
        enrolled(ours)
        path = ours.folder / "agent.json"
        config = json.loads(path.read_text())
        config["broker"] = [f"mqtts://{BENCH}:{theirs.broker}", f"mqtts://{CAMPUS}:{ours.broker}"]
        path.write_text(json.dumps(config))
        ours.start_agent()
        delivers(ours)
        where = f"broker {BENCH}:{theirs.broker}: not reachable (wrong host: another one than this robot's"
        assert ours.said("agent").count(where) == 1
        done = subprocess.run(
            [AGENT_PYTHON, "-m", "wachhund_agent", "doctor", "--config", "agent.json"],
            cwd=ours.folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert [line for line in done.stdout.splitlines() if line.startswith("host ")] == [
            f"host {BENCH}:{theirs.broker}: wrong host: another one than this robot's answers there, and is told "
            "nothing",
            f"host {CAMPUS}:{ours.broker}: reached: this robot's host, by TLS",
        ]
        delivers(ours)
        with closing(ours.ledger()) as ledger:
            assert not [one for one in ledger.rejections() if one[0] == ours.robot], "asking is no offence"
        told = theirs.robots("list") + theirs.said("host")
        assert ours.robot not in told and "rex" not in told


@pytest.mark.thorough
def test_an_address_that_the_host_does_not_go_by_is_none_of_its(tmp_path: Path) -> None:
    """Whoever leads an address of his to the host's door gets no evidence; the line says the remedy."""
    with Open(tmp_path, (CAMPUS,), "0.0.0.0") as host:
        done = host.enrol(host.robots("invite", "rex"))
        assert done.returncode == 0, done.stderr
        path = host.folder / "agent.json"
        config = json.loads(path.read_text())
        assert config["broker"] == f"mqtts://{CAMPUS}:{host.broker}", "one is written as older versions read it"
        config["broker"] = [f"mqtts://{name}:{host.broker}" for name in (BENCH, CAMPUS)]
        path.write_text(json.dumps(config))
        host.robot = config["robot"]
        host.start_agent()
        delivers(host)
        assert f"broker {BENCH}:{host.broker}: not reachable (wrong host: its certificate is for other addresses" in (
            host.said("agent")
        )
        assert "wachhund serve --name" in host.said("agent")
