"""A monitor against remote control must be none itself: a real agent on a real broker that is in somebody's hands."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.robots.inner_agent import InnerAgent, inner_agent
from tests.robots.living import Living
from tests.robots.running_host import RunningHost
from tests.waiting import until
from wachhund_agent.config import Limits
from wachhund_evidence import token

_LISTEN = "0A"


def listening(pid: int) -> list[str]:
    """TCP listeners and bound UDP sockets of a process, as /proc/PID/net names them."""
    held = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held.add(entry.readlink().name)
        except OSError:
            continue
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            is_door = words[3] == _LISTEN if table.startswith("tcp") else words[2].endswith(":0000")
            if is_door and f"socket:[{words[9]}]" in held:
                found.append(f"{table} {words[1]}")
    return found


def test_a_running_agent_listens_nowhere(tmp_path: Path) -> None:
    """There is no port by which anybody could ask it for anything."""
    with Living(tmp_path) as living:
        agent = living.start_agent()
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot) is not None, 30, "it is at work")
        assert listening(agent.pid) == []
        assert listening(living.host_pid) != [], "else this test finds no listeners at all"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[RunningHost]:
    with RunningHost(tmp_path / "data") as running:
        yield running


def tokens(host: RunningHost, agent: InnerAgent) -> int:
    newest = host.ledger.newest(agent.robot)
    return 0 if newest is None else newest.tokens


@pytest.mark.thorough
@pytest.mark.of_one_machine  # comes in as the intake beside the embedded broker does
def test_whoever_has_the_broker_can_make_an_agent_do_nothing(host: RunningHost, tmp_path: Path) -> None:
    """Junk, commands and foreign tokens by the hundred: counted, and evidence goes on."""
    other = host.connect("other")
    with inner_agent(host, tmp_path, Limits()) as agent:
        agent.observe("listen.open", proto="tcp")
        until(lambda: tokens(host, agent) >= 1, 20, "evidence comes")
        insider = host.broker.access()
        broker = paho.Client(CallbackAPIVersion.VERSION2, client_id=os.urandom(8).hex(), clean_session=True)
        broker.username_pw_set(insider.username, insider.password)
        broker.connect("127.0.0.1", host.port)
        broker.loop_start()
        topic = f"wachhund/1/{agent.robot}/receipt"
        ueid = host.roster.get(agent.robot)
        assert ueid is not None
        by_host = token.sign(token.RECEIPT_TYPE, {"ueid": ueid.robot.ueid, "run": "rm -rf /"}, host.keys.key)
        messages = [
            b"", b"\x78", b"reboot", b'{"command":"stop"}', os.urandom(2000), b"x" * 300_000, by_host.encode(),
            other.robot.heartbeat().encode(), b"a.b.c",
        ]  # fmt: skip
        before = tokens(host, agent)

        def refused() -> bool:
            for message in messages:
                broker.publish(topic, message, qos=0)
            return sum(agent.uplink.rejected.values()) >= 200

        until(refused, 20, "what is no receipt is counted")
        agent.observe("listen.open", proto="udp")
        until(lambda: tokens(host, agent) > before, 20, "evidence goes on")
        broker.disconnect()
        broker.loop_stop()
        assert {"claims", "key", "token"} & set(agent.uplink.rejected)
        until(lambda: agent.journal.receipted >= agent.journal.next_seq - 2, 20, "and receipts are still believed")
        assert host.ledger.faults(agent.robot) == []
