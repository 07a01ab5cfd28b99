"""The attack this product was made for, on the stand-in Go1: real programs, seen by the agent, judged as they come."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CLOUD
from tests.waiting import until
from wachhund.judge.commands import SETTLE_S
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.rule_loading import load_rules
from wachhund_evidence import Observation

pytestmark = [pytest.mark.needs_root("network namespaces with a robot's addresses"), pytest.mark.thorough]
COMMON = ("kind", "t", "mono", "sensor")


class Watched:
    """A robot, what its agent tells, and what the judge makes of it line by line."""

    def __init__(self, robot: Go1, out: Path) -> None:
        self.robot, self._out, self._lines = robot, out, 0
        self._judge = Judge(load_rules().rules)
        self.incidents: dict[str, dict[str, Any]] = {}
        self.surfaces: set[str] = set()
        with out.open("wb") as target:
            robot.pi.popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
        until(self._hears_commands, 60, "the senses are awake, and it is heard what the robot's broker carries")

    def _hears_commands(self) -> bool:
        told = [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]
        sensors = [one["sensors"] for one in told if one["kind"] == "coverage"]
        return bool(sensors) and sensors[-1]["control-mqtt"]["state"] == "event"

    def judge(self) -> list[dict[str, Any]]:
        """All incidents as they stand now."""
        facts = []
        for line in self._out.read_bytes().split(b"\n")[self._lines : -1]:
            self._lines += 1
            told = json.loads(line)
            fields = {name: value for name, value in told.items() if name not in COMMON}
            observation = Observation(told["kind"], told["t"], told["mono"], told["sensor"], fields)
            facts.append(Fact(None, told["t"], None, LineRef(self._lines), observation))
        if facts:
            said = self._judge.feed(facts)
            self.incidents.update((one["id"], one) for one in said.incidents)
            self.surfaces.update(one["surface"] for one in said.sessions)
        return list(self.incidents.values())

    def story(self) -> str:
        return "\n".join(line for one in self.judge() for line in one["story"])


@pytest.fixture
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """The vendor's cloud knows the robot only where the vendor's tunnel is what the test is about."""
    with Go1(tmp_path / "robot", enrolled="vendor" in request.node.name) as robot:
        yield Watched(robot, tmp_path / "facts.jsonl")


def test_who_comes_through_the_vendors_tunnel_looks_and_drives_is_one_story_within_seconds(watched: Watched) -> None:
    """The vendor's cloud knows the robot, its tunnel dials out, somebody logs in, looks, and commands."""
    robot = watched.robot
    robot.start_noise()
    with visits.vendor_tunnel(robot, "csclient") as tunnel:
        until(lambda: "csclient" in watched.story(), 15, "the tunnel is told")
        with visits.through_vendor_tunnel(robot, tunnel) as session:
            until(lambda: "is pi's" in watched.story(), 15, "the login is told")
            session.type("curl -s -m 5 http://127.0.0.1/cam1 -o /dev/null")
            until(lambda: "head cameras" in watched.story(), 15, "the look is told")
            session.type("mosquitto_pub -h 127.0.0.1 -t controller/action -m standUp; echo did $?")
            until(lambda: "did 0" in session.screen(), 15, "the command was sent")
            sent = time.monotonic()
            # Where the broker's word is told before the connection that carried it, it waits for that until a fact
            # comes that is SETTLE_S younger; an observer sends no heartbeats, and may say nothing for 6 s.
            until(
                lambda: "controller/action" in watched.story().replace("-t controller/action", ""), 12, "it is judged"
            )
            took = time.monotonic() - sent
    (incident,) = watched.judge()
    assert took < SETTLE_S + 8
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")
    assert incident["title"] == "Remote control not allowed: ssh as pi through CloudSail"
    story = incident["story"]
    assert any("the vendor's cloud has this robot on its list" in line for line in story)
    events = ("Vendor tunnel: CloudSail", "on ssh (port 22) is pi's", "A session on head cameras", "action (standUp)")
    places = [next(place for place, line in enumerate(story) if words in line) for words in events]
    assert places == sorted(places), "in the order in which it happened"
    assert incident["origin"][0]["address"] == CLOUD
    assert {one["surface"] for one in incident["sessions"]} == {"ssh", "camera", "mqtt"}
    assert {"T1572", "T1021.004"} <= set(incident["attack"])


def test_the_stock_robot_with_its_phone_and_its_laboratory_is_no_incident(watched: Watched) -> None:
    """It drives, looks, logs in and uploads all day."""
    robot = watched.robot
    robot.start_noise()
    with visits.phone_drives(robot), visits.lab_watches_camera(robot, 1):
        until(lambda: watched.judge() or watched.surfaces >= {"mqtt", "camera"}, 20, "phone and viewer are told")
    with visits.sdk_moves(robot), visits.upload(robot), visits.lab_logs_in(robot) as session:
        session.type("mosquitto_sub -h 127.0.0.1 -t robot/state -C 3")
        until(lambda: watched.judge() or watched.surfaces >= {"udp", "ssh", "web"}, 20, "the others are told")
    assert watched.judge() == []
