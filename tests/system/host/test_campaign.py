"""A serving host, three robots over its broker that tell of the same address: one campaign, one message."""

import json
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from tests.robots.ports import free_port
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.robots.served_host import Host
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger


def test_three_robots_that_tell_of_one_address_are_one_campaign_and_one_message(host: Host, tmp_path: Path) -> None:
    """Real tokens, broker, intake, judge and telling part; only the robots' senses are a script's."""
    data = DataFolder(tmp_path / "data")

    def wachhund(*arguments: str, given: str = "") -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "wachhund", *arguments, "--data", str(data.path)], input=given,
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return ran.stdout

    # Nobody listens there: what matters is which messages are written.
    wachhund(
        "notify", "add", "hook", "--level", "low", "--allow-address", "127.0.0.1",
        given=f"http://127.0.0.1:{free_port()}/in",
    )  # fmt: skip
    key = HostKeys.load_or_create(data).key.public_key()
    facts = [fact.observation for fact in ssh_through_a_relay().facts]
    with ExitStack() as stack:
        ledger = stack.enter_context(closing(Ledger.open(data.ledger)))
        fleet = []
        for name in ("rex", "odie", "pluto"):
            robot = ScriptedRobot()
            config = register(data, name, robot, host.broker)
            fleet.append((robot, stack.enter_context(closing(OverMqtt(robot, config, key)))))
        for robot, wire in fleet:
            wire.send(robot.token(*facts))
        until(lambda: ledger.campaigns.page(10)[0] == 1, 30, "the campaign is there")
        until(lambda: len(ledger.campaigns.page(1)[1][0]["incidents"]) == 3, 30, "with all three incidents")
        (one,) = ledger.campaigns.page(10)[1]
        until(lambda: ledger.notifying.told_of(str(one["id"])), 30, "a message about it is written")
        (message,) = ledger.notifying.told_of(str(one["id"]))
        assert message.title == f"[CRITICAL] {one['title']}" and "on 3 robots" in message.title
        told = json.loads(wachhund("incidents", "campaigns", "--json"))["campaigns"]
        assert [sorted(row["robot"] for row in campaign["robots"]) for campaign in told] == [["odie", "pluto", "rex"]]
        assert f"{one['id']} critical: " in wachhund("incidents", "campaigns")
    with host.login() as client:
        assert f'href="/campaigns/{one["id"]}"' in client.get("/").text
        page = client.get(f"/campaigns/{one['id']}").text
        assert all(f"/robots/{name}" in page for name in ("rex", "odie", "pluto"))
        (listed,) = client.get("/api/v1/campaigns").json()["items"]
        assert (listed["id"], listed["robots"], listed["goes_on"]) == (one["id"], 3, one["goes_on"])
