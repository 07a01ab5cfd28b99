"""The agent on the stand-in Go1, with nothing said about what it is: who comes, by which way, to do what."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import observation_fields
from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CLOUD, HIGH_LEVEL, UPLOAD
from tests.robots.go1.private_files import AUTOSTART
from tests.waiting import until

pytestmark = pytest.mark.needs_root("network namespaces with a robot's addresses")
Fact = dict[str, Any]


class Watched:
    """A robot that makes its stock noise, and what the agent on its Pi tells."""

    def __init__(self, robot: Go1, out: Path) -> None:
        self.robot, self._out = robot, out
        with out.open("wb") as target:
            robot.pi.popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
        until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), 30, "the senses are awake")
        robot.start_noise()

    def facts(self) -> list[Fact]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def tells(self, what: str, wanted: Callable[[Fact], object], seconds: float = 25) -> Fact:
        until(lambda: any(wanted(fact) for fact in self.facts()), seconds, what)
        return next(fact for fact in self.facts() if wanted(fact))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("go1-agent")
    with Go1(folder / "robot", enrolled=True) as robot:
        yield Watched(robot, folder / "facts.jsonl")


def test_somebody_who_comes_through_the_vendors_tunnel_is_joined_with_it(watched: Watched) -> None:
    with visits.vendor_tunnel_login(watched.robot) as session:
        session.type("id")
        login = watched.tells("the login", lambda fact: fact["kind"] == "login.start" and fact["user"] == "pi")
        assert login["from"][0] == "127.0.0.1" and login["method"] == "publickey"
        assert login["peer"]["exe"] == f"{AUTOSTART}/tunnel/tunneld"
        relay = watched.tells(
            "the relay", lambda fact: fact["kind"] == "relay" and fact["puid"] == login["peer"]["puid"]
        )
        outer, inner = (
            watched.tells(f"its {side} connection", lambda fact, flow=relay[side]: fact.get("flow") == flow)
            for side in ("outer", "inner")
        )
        assert outer["remote"][0] == CLOUD and outer["direction"] == "out"
        assert inner["remote"][1] == 22
        session.type("exit")
    watched.tells("the end", lambda fact: fact["kind"] == "login.end" and fact["flow"] == login["flow"])


def test_the_phones_control_is_attributed_to_the_phone(watched: Watched) -> None:
    with visits.phone_drives(watched.robot) as phone:
        told = watched.tells("control", lambda fact: fact["kind"] == "control" and "websocket" in fact["what"])
        assert told["client"] == phone.fact["address"] and told["through"]["proxy"].endswith("/nginx")
        said = watched.tells(
            "the topic", lambda fact: fact["kind"] == "control" and fact["what"] == "controller/action"
        )
        assert said["meaning"] == "control"


def test_a_view_of_a_nanos_camera_names_its_viewer(watched: Watched) -> None:
    with visits.lab_watches_camera(watched.robot, 1) as viewer:
        told = watched.tells("the view", lambda fact: fact["kind"] == "camera.open" and fact["via"] == "proxy")
        assert told["viewer"] == viewer.fact["address"]


def test_a_view_that_the_pi_only_routes_names_its_viewer(watched: Watched) -> None:
    with visits.phone_watches_through(watched.robot) as viewer:
        told = watched.tells("the view", lambda fact: fact["kind"] == "camera.open" and fact["via"] == "routed")
        assert (told["viewer"], told["camera"]) == (viewer.fact["address"], "head cameras")
    watched.tells("its end", lambda fact: fact["kind"] == "camera.close" and fact["flow"] == told["flow"])


@pytest.mark.thorough
def test_pictures_by_datagram_name_the_program_that_takes_them(watched: Watched) -> None:
    with visits.pi_plays_stream(watched.robot) as player:
        told = watched.tells("the view", lambda fact: fact["kind"] == "camera.open" and fact["via"] == "stream")
        assert (told["pid"], told["camera"]) == (player.pid, "head cameras")
    watched.tells("its end", lambda fact: fact["kind"] == "camera.close" and fact["flow"] == told["flow"])


def test_who_talks_on_the_lcm_bus_is_told(watched: Watched) -> None:
    with visits.lab_speaks_lcm(watched.robot) as talker:
        told = watched.tells("the talker", lambda fact: fact["kind"] == "control" and "LCM" in fact["what"])
        assert told["client"] == talker.fact["address"]


def test_sdk_commands_and_uploads_name_who_sent_them(watched: Watched) -> None:
    with visits.sdk_moves(watched.robot) as sdk, visits.upload(watched.robot) as upload:
        for port, visit in ((HIGH_LEVEL, sdk), (UPLOAD, upload)):
            told = watched.tells(
                f"control at {port}", lambda fact, port=port: fact["kind"] == "control" and f" {port})" in fact["what"]
            )
            assert told["client"] == visit.fact["address"]


def test_a_new_entry_in_the_vendors_autostart_is_told(watched: Watched) -> None:
    with (watched.robot.home / "Unitree/autostart/.startlist.sh").open("a") as file:
        file.write("implant\n")
    told = watched.tells(
        "the change", lambda fact: fact["kind"] == "persistence.change" and "startlist" in str(fact["path"])
    )
    assert (told["class"], told["change"]) == ("vendor-autostart", "modified")


def test_that_the_vendors_cloud_knows_this_robot_is_told_without_its_number(watched: Watched) -> None:
    told = watched.tells(
        "the retained message", lambda fact: fact["kind"] == "config.state" and fact["name"] == "retained-message"
    )
    assert told["what"] in ("usys/uuid", "usys/internet") and told["value"] is True


def test_nothing_was_dropped(watched: Watched) -> None:
    said = [fact["sensors"] for fact in watched.facts() if fact["kind"] == "coverage"][-1]
    assert {name: sense["dropped"] for name, sense in said.items() if sense["dropped"]} == {}


def test_everything_that_was_told_is_as_the_protocol_says(watched: Watched) -> None:
    """Whoever reads these lines has docs/protocol.md and nothing else: each kind with its fields and their types."""
    kinds = observation_fields.documented()
    facts = watched.facts()
    assert len(facts) > 20
    assert [fault for fact in facts for fault in observation_fields.faults(fact, kinds)] == []
