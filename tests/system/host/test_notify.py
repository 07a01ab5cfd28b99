"""A serving host, a robot over its broker, and receivers that go away and come back while the host is killed.

`make outage` runs the same with receivers that are away for ten minutes; here they are for WACHHUND_OUTAGE_S seconds.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.robots import served_host
from tests.robots.ports import free_port
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.robots.served_host import Host
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.unit.host.notify.receivers import Hook, Mailbox, mail, webhooks
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger
from wachhund.notify.retrying import LONGEST_S

OUTAGE_S = float(os.environ.get("WACHHUND_OUTAGE_S", "12"))
# Until what was waiting has been tried again; a sending process needs seconds to start on a busy machine.
BACK_S = min(LONGEST_S, 2 * OUTAGE_S) + 150.0
START_S = 240.0  # of a host, on a machine that does much else

pytestmark = pytest.mark.timeout(OUTAGE_S * 3 + 1800)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Host]]:
    """Those that a test starts, one after the other, on one data folder and the same ports."""
    monkeypatch.setattr(served_host, "READY_S", START_S)
    made: list[Host] = []
    yield made
    for host in made:
        if host.process.poll() is None:
            host.process.kill()
        host.process.communicate(timeout=30)


def wachhund(data: Path, *arguments: str, given: str = "", status: int = 0) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "wachhund", "notify", *arguments, "--data", str(data)], input=given,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert ran.returncode == status, ran
    return ran.stdout


def told_to_both(ledger: Ledger, before: list[str]) -> str:
    """The next incident, once a message about it waits for each of two targets."""
    until(lambda: {one["id"] for one in ledger.incidents()} - set(before), 150, "its incident is there", 0.1)
    new = next(str(one["id"]) for one in ledger.incidents() if one["id"] not in before)
    until(lambda: len(ledger.notifying.told_of(new)) >= 2, 150, "a message to each target waits", 0.1)
    return new


def killed(host: Host) -> None:
    """kill -9: nothing of it can say goodbye; its children end with it."""
    children = host.children()
    host.process.send_signal(signal.SIGKILL)
    host.process.communicate(timeout=30)
    until(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()], 20, "its children are gone too")


def test_what_receivers_missed_arrives_once_each_though_the_host_was_killed_meanwhile(
    hosts: list[Host], tmp_path: Path
) -> None:
    """A webhook and a mail server are away; the host is killed, restarted, and stopped and started, with messages
    waiting. Each of two incidents arrives at each receiver when that is back, and none of them twice."""
    data = DataFolder(tmp_path / "data")
    web, broker, hook_port, mail_port = free_port(), free_port(), free_port(), free_port()

    def start() -> Host:
        hosts.append(Host(data.path, web, broker))
        return hosts[-1].wait_ready()

    host = start()
    said = wachhund(
        data.path, "add", "hook", "--level", "low", "--allow-address", "127.0.0.1",
        given=f"http://127.0.0.1:{hook_port}/in",
    )  # fmt: skip
    secret = said.split("signed with ")[1].split()[0]
    post = f"mailto://127.0.0.1:{mail_port}?from=host@example.org&to=ops@example.org&mode=insecure"
    wachhund(data.path, "add", "post", "--level", "low", "--allow-address", "127.0.0.1", given=post)
    refused = wachhund(data.path, "test", "hook", status=1)
    assert "NOT delivered: Connection refused" in refused

    keys = HostKeys.load_or_create(data).key.public_key()
    names = []
    for name in ("rex", "odie"):
        robot = ScriptedRobot()
        config = register(data, name, robot, broker)
        with (
            closing(OverMqtt(robot, config, keys)) as wire,
            closing(Ledger.open(data.ledger)) as ledger,
        ):
            wire.send(robot.token(*[fact.observation for fact in ssh_through_a_relay().facts]))
            names.append(told_to_both(ledger, names))
        if name == "rex":
            killed(host)
            host = start()
    down_since = time.monotonic()
    with closing(Ledger.open(data.ledger)) as ledger:
        waiting = [message for new in names for message in ledger.notifying.told_of(new)]
        assert {message.state for message in waiting} == {"waiting"}
        until(lambda: all(one.attempts for one in ledger.notifying.told_of(names[0])), 200, "each was tried", 0.1)
    time.sleep(OUTAGE_S / 2)  # the outage itself, not a wait for something
    assert host.stop()[0] == 0
    host = start()
    time.sleep(max(0.0, OUTAGE_S - (time.monotonic() - down_since)))
    killed(host)

    box, hook = Mailbox(), Hook(0)
    with webhooks(hook_port, hook), mail(mail_port, box):
        start()
        ids = {(message.target_name, message.id) for message in waiting}
        with closing(Ledger.open(data.ledger)) as ledger:

            def arrived() -> bool:
                told = [message for new in names for message in ledger.notifying.told_of(new)]
                return all(message.state == "delivered" for message in told)

            until(arrived, BACK_S, "everything was delivered", 0.1)
            told = {(one.target_name, one.id) for new in names for one in ledger.notifying.told_of(new)}
        assert ids <= told, "what waited kept its ids"
        time.sleep(3)  # longer than a round: would anything come a second time?
    mailed = Counter(
        line.split(": ")[1].strip() for text in box.mails for line in text.splitlines() if "X-Wachhund-Message" in line
    )
    # The robots fell silent too, which is told of its own accord: whatever came, came once.
    assert {one for target, one in told if target == "hook"} <= set(hook.ids)
    assert {one for target, one in told if target == "post"} <= set(mailed)
    assert set(Counter(hook.ids).values()) == set(mailed.values()) == {1}
    for _, headers, body in hook.got:
        Webhook(secret).verify(body, headers)
    assert {one for _, _, body in hook.got for one in names if one.encode() in body} == set(names)


def test_a_host_that_is_killed_before_it_noted_an_answer_repeats_the_same_id(hosts: list[Host], tmp_path: Path) -> None:
    """At least once: the one case in which something comes twice, and by which a receiver knows it."""
    data = DataFolder(tmp_path / "data")
    web, broker = free_port(), free_port()
    hosts.append(Host(data.path, web, broker))
    host = hosts[-1].wait_ready()
    with webhooks() as hook:
        killing = [True]

        def answer(path: str) -> tuple[int, dict[str, str], bytes]:
            if killing:
                killing.clear()
                killed(host)  # the message is here; that it is, nobody noted
            return 204, {}, b""

        hook.answer = answer
        wachhund(data.path, "add", "hook", "--level", "low", "--allow-address", "127.0.0.1", given=hook.url)
        robot = ScriptedRobot()
        config = register(data, "rex", robot, broker)
        with closing(OverMqtt(robot, config, HostKeys.load_or_create(data).key.public_key())) as wire:
            wire.send(robot.token(*[fact.observation for fact in ssh_through_a_relay().facts]))
            until(lambda: not killing, 200, "it was sent, and the host killed")
        hosts.append(Host(data.path, web, broker))
        hosts[-1].wait_ready()
        with closing(Ledger.open(data.ledger)) as ledger:
            (incident,) = ledger.incidents()

            def first_arrived() -> bool:
                return ledger.notifying.told_of(incident["id"])[0].state == "delivered"

            until(first_arrived, 200, "it was delivered", 0.1)
            first = ledger.notifying.told_of(incident["id"])[0]
    assert hook.ids[:2] == [first.id, first.id] and Counter(hook.ids)[first.id] == 2
    assert first.attempts == 2
