"""A serving host, a robot over its broker, and an operator at the command line, each a process of its own."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.robots.served_host import Host
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger


def test_an_operator_allows_what_an_incident_found_and_takes_it_back(host: Host, tmp_path: Path) -> None:
    """The host that serves hears of it by its ledger, within seconds, and `explain` says the same as the pages."""
    data = DataFolder(tmp_path / "data")
    robot = ScriptedRobot()
    config = register(data, "rex", robot, host.broker)
    with (
        closing(OverMqtt(robot, config, HostKeys.load_or_create(data).key.public_key())) as wire,
        closing(Ledger.open(data.ledger)) as ledger,
    ):
        wire.send(robot.token(*[fact.observation for fact in ssh_through_a_relay().facts]))
        until(lambda: [one["level"] for one in ledger.incidents()] == ["critical"], 20, "the incident is there")
        name = str(ledger.incidents()[0]["id"])

        def wachhund(*arguments: str) -> Any:
            ran = subprocess.run(
                [sys.executable, "-m", "wachhund", *arguments, "--json", "--data", str(data.path)],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            return json.loads(ran.stdout)

        def state() -> object:
            (incident,) = ledger.incidents()
            return incident["state"]

        made = wachhund("authorise", "incident", name, "--until", "30m", "--why", "gait tests")
        assert made["preview"]["incidents"][0]["id"] == name
        until(lambda: state() == "closed", 20, "it closed itself")
        subjects = wachhund("explain", name)["subjects"]
        assert {one["by"] for one in subjects} == {made["authorisation"]["id"]}
        assert wachhund("authorise", "list")["authorisations"][0]["covers"] == 1
        wachhund("authorise", "end", made["authorisation"]["id"], "--why", "enough")
        until(lambda: state() == "open", 20, "it is open again")
