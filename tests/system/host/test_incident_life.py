"""A serving host, a robot over its broker, the real judge, and people at the command line: the life of an incident."""

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.robots.served_host import Host
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.waiting import until
from wachhund.alerts.ringing import ringing
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger


def test_a_judged_incident_is_taken_silenced_closed_and_comes_back(host: Host, tmp_path: Path) -> None:
    """Nothing of what people said is lost when the judge tells the incident anew; and what is new rings."""
    data = DataFolder(tmp_path / "data")
    robot = ScriptedRobot()
    config = register(data, "rex", robot, host.broker)
    facts = ssh_through_a_relay().facts
    with (
        closing(OverMqtt(robot, config, HostKeys.load_or_create(data).key.public_key())) as wire,
        closing(Ledger.open(data.ledger)) as ledger,
    ):

        def wachhund(*arguments: str) -> Any:
            ran = subprocess.run(
                [sys.executable, "-m", "wachhund", *arguments, "--json", "--data", str(data.path)],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            return json.loads(ran.stdout)

        def rings() -> bool:
            (incident,) = ledger.incidents()
            now = time.time()
            life = ledger.handling.life(str(incident["id"]))
            return ringing(incident, life, ledger.silencing.valid(now), now).rings

        wire.send(robot.token(*[fact.observation for fact in facts]))
        until(lambda: [one["level"] for one in ledger.incidents()] == ["critical"], 20, "the incident is there")
        name = str(ledger.incidents()[0]["id"])
        assert rings()

        wachhund("incidents", "ack", name, "--why", "looking")
        assert not rings()
        assert wachhund("incidents", "show", name)["state"] == "acknowledged"

        made = wachhund("silence", "add", "--robot", "rex", "--critical", "--until", "1h", "--why", "gait tests")
        assert made["preview"]["now"] == [name]
        wachhund("incidents", "reopen", name)
        assert not rings() and wachhund("incidents", "list")["incidents"][0]["silence"] == made["silence"]["id"]
        until(lambda: ledger.silencing.all()[0].matched_t is not None, 20, "the running host counts the match")
        wachhund("silence", "end", made["silence"]["id"], "--why", "enough")
        assert rings()

        wachhund("incidents", "close", name, "--reason", "real", "--why", "unplugged")
        assert not rings()
        # The same attack goes on: the judge tells the incident anew, and it comes back by itself.
        wire.send(robot.token(*[fact.observation for fact in ssh_through_a_relay().facts]))
        until(rings, 20, "it came back")
        shown = wachhund("incidents", "show", name)
        assert shown["state"] == "came back"
        assert [act["act"] for act in shown["acts"]] == ["acknowledge", "reopen", "close"]
