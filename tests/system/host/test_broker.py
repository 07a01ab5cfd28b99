"""The real broker: who may do what, and that it comes back, and goes when its host goes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.robots.ports import free_port
from tests.robots.raw_mqtt import PUBACK, Cut, RawMqtt
from tests.robots.running_host import RunningHost
from tests.waiting import until
from wachhund.broker import Broker
from wachhund.broker_config import MAX_PAYLOAD_BYTES
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.held_off import Patience
from wachhund.fleet.roster import Roster
from wachhund.ledger import Ledger
from wachhund_evidence import MisuseError

pytestmark = pytest.mark.of_one_machine  # they look into the embedded broker


@pytest.fixture
def host(tmp_path: Path) -> Iterator[RunningHost]:
    """A host at work."""
    with RunningHost(tmp_path / "data") as running:
        yield running


class Listener:
    """A plain MQTT client that keeps all it hears."""

    def __init__(self, port: int, user: str, password: str, client_id: str, *topics: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.granted: list[bool] = []
        self.refused = threading.Event()
        self._ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        self.client.username_pw_set(user, password)
        self.client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))

        def connected(client: paho.Client, _data: object, _flags: object, reason: object, _more: object) -> None:
            if reason.is_failure:  # type: ignore[attr-defined]
                self.refused.set()
                self._ready.set()
                return
            client.subscribe([(topic, 0) for topic in topics])

        def subscribed(_client: object, _data: object, _mid: int, reasons: list[object], _more: object) -> None:
            self.granted = [not reason.is_failure for reason in reasons]  # type: ignore[attr-defined]
            self._ready.set()

        self.client.on_connect, self.client.on_subscribe = connected, subscribed
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextlib.contextmanager
def listening(port: int, user: str, password: str, client_id: str, *topics: str) -> Iterator[Listener]:
    made = Listener(port, user, password, client_id, *topics)
    try:
        yield made
    finally:
        made.close()


def test_a_robot_reads_its_own_receipts_and_nothing_else(host: RunningHost) -> None:
    """Not the others' receipts or evidence, not the broker's inside, not by wildcard."""
    mine, other = host.connect("mine"), host.connect("other")
    topics = [
        f"wachhund/1/{mine.id}/receipt",
        f"wachhund/1/{other.id}/receipt",
        f"wachhund/1/{other.id}/evidence",
        f"wachhund/1/{mine.id}/evidence",
        "wachhund/1/+/receipt",
        "#",
        "$MQTT/#",
        "$JS/API/#",
        "$SYS/#",
    ]
    own = host.configs["mine"]
    mine.close()
    with listening(host.port, own["username"], own["password"], own["client_id"], *topics) as listener:
        assert listener.granted == [True] + [False] * (len(topics) - 1)


def test_a_robot_publishes_as_itself_only(host: RunningHost) -> None:
    """What it publishes elsewhere is acknowledged by the broker and reaches nobody: a PUBACK proves nothing."""
    mine, other = host.connect("mine"), host.connect("other")
    all_of_it = ("wachhund/1/+/evidence", "wachhund/1/+/status")
    insider = host.broker.access()
    with listening(insider.port, insider.username, insider.password, "any", *all_of_it) as ear:
        for topic in (
            f"wachhund/1/{other.id}/evidence",
            f"wachhund/1/{other.id}/status",
            f"wachhund/1/{mine.id}/receipt",
            "$MQTT/msgs/x",
        ):
            mine.client.publish(topic, b"forged", qos=1)
        mine.client.publish(f"wachhund/1/{mine.id}/status", b"online", qos=1)
        mine.client.publish(f"wachhund/1/{mine.id}/evidence", b"last", qos=1)
        until(lambda: len(ear.heard) >= 2, 15, "it comes")
        assert sorted(payload for _, payload in ear.heard) == [b"last", b"online"]
    assert other.receipts == mine.receipts == []


def test_a_wrong_password_and_no_password_let_nobody_in(host: RunningHost) -> None:
    """Nor does another robot's password."""
    mine, other = host.connect("mine"), host.connect("other")
    for user, password in ((mine.id, other.client.password), (mine.id, "guess"), ("", ""), ("host", "host")):
        with listening(host.port, user, password, "any", "x") as nobody:
            assert nobody.refused.is_set()


@pytest.mark.parametrize("tls", [False, True])
def test_a_revocation_cuts_each_open_connection_of_its_robot_at_once(tmp_path: Path, tls: bool) -> None:
    """Also where the robot, or who copied its account, holds two of them; nobody else notices."""
    with RunningHost(tmp_path / "data", tls=tls, patience=Patience(limit=float("inf"))) as host:
        mine, other = host.connect("mine"), host.connect("other")
        config = host.configs["mine"]
        second = RawMqtt(host.port, host.tls_of(mine.id, mine.robot.key))
        assert second.connect(b"second", config["username"].encode(), config["password"].encode()) == 0
        lost = {wire.id: threading.Event() for wire in (mine, other)}
        for wire in (mine, other):
            wire.client.on_disconnect = lambda *_, told=lost[wire.id]: told.set()
        began = time.monotonic()
        host.ledger.change_robot(mine.id, "revoke", "a test")
        with pytest.raises(Cut):
            second.wait(PUBACK)
        assert lost[mine.id].wait(5)
        took = time.monotonic() - began
        assert took < 3, f"{took:.1f} s"
        other.send(other.robot.heartbeat())
        other.receipt(lambda receipt: receipt.seq == 1)
        assert not lost[other.id].is_set()
        with contextlib.suppress(Cut):
            again = RawMqtt(host.port, host.tls_of(mine.id, mine.robot.key))
            code = again.connect(*(config[name].encode() for name in ("client_id", "username", "password")))
            again.close()
            assert code == 5


def test_a_message_of_the_largest_size_gets_through(host: RunningHost) -> None:
    """Beyond its limit the broker cuts the connection, again and again: the limit must lie above ours."""
    mine = host.connect("mine")
    mine.send(b"x" * (300 * 1024))
    mine.send(mine.robot.heartbeat())
    assert mine.receipt(lambda receipt: receipt.seq == 1)
    until(lambda: (mine.id, "oversize") in host.refused(), 15, "it comes")
    assert MAX_PAYLOAD_BYTES >= 300 * 1024


def test_what_is_beyond_the_brokers_limit_ends_the_connection_before_it_is_read(host: RunningHost) -> None:
    """A quarter of a gigabyte is announced in five bytes: the broker keeps no room for it, and tells who it was."""
    mine = host.connect("mine")
    mine.close()
    config, pid = host.configs["mine"], host.broker.pid

    def resident() -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096

    before = resident()
    for _ in range(3):
        wire = RawMqtt(host.port)
        assert wire.connect(*(config[name].encode() for name in ("client_id", "username", "password"))) == 0
        with pytest.raises(Cut):
            wire.send(b"\x30\xff\xff\xff\x7f\0\1x")
            for _ in range(64):
                wire.send(bytes(1 << 20))
        time.sleep(0.1)
    until(lambda: (mine.id, "broker-oversize") in host.refused(), 15, "it comes")
    assert resident() - before < 32 << 20


def test_a_killed_broker_comes_back_and_nobody_has_to_do_anything(host: RunningHost) -> None:
    """Robots and intake connect again by themselves; what had no receipt is sent again."""
    mine = host.connect("mine")
    mine.send(mine.robot.heartbeat())
    mine.receipt(lambda receipt: receipt.seq == 1)
    before = host.broker.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: host.broker.pid not in (None, before), 15, "it comes")
    token = mine.robot.heartbeat()

    def receipted() -> bool:
        mine.send(token)
        time.sleep(0.3)
        return any(receipt.seq == 2 for receipt in mine.receipts)

    until(receipted, 30, "it comes")
    assert host.broker.fault is None


def test_a_broker_that_nobody_can_look_after_for_a_while_runs_on_and_that_is_told(
    host: RunningHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine without room for one more thread: the broker would end with the thread that started it."""
    mine, before = host.connect("mine"), host.broker.pid
    with monkeypatch.context() as full:

        def no_room(_client: object) -> None:
            raise RuntimeError("can't start new thread")

        full.setattr(paho.Client, "loop_start", no_room)
        until(lambda: "nobody looks after the broker" in (host.broker.fault or ""), 15, "it is told")
        mine.send(mine.robot.heartbeat())
        mine.receipt(lambda receipt: receipt.seq == 1)
    until(lambda: host.broker.fault is None, 15, "it is looked after again")
    assert host.broker.pid == before
    assert "trying again" in caplog.text


def test_the_brokers_files_are_for_their_owner_and_hold_no_password(host: RunningHost) -> None:
    """Hashes are worth guarding too."""
    mine = host.connect("mine")
    mine.client.publish("elsewhere", b"x", qos=1)
    until(lambda: (mine.id, "broker-publish") in host.refused(), 15, "it comes")
    folder = host.data.broker
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "broker.conf").stat().st_mode & 0o777 == 0o600
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for password in (mine.client.password, host.broker.access().password):
                assert password.encode() not in content
    # Client ids are secret too, and nats-server tells them with what it refuses.
    assert host.configs["mine"]["client_id"] not in (folder / "broker.log").read_text()


def test_who_is_to_stop_need_not_wait_for_a_broker_that_does_not_get_ready(tmp_path: Path) -> None:
    """A node may read its store for a minute; its service manager would kill it in the middle."""
    slow = tmp_path / "nats-server"
    slow.write_text("#!/bin/sh\nexec sleep 120\n")
    slow.chmod(0o700)
    data, leave_off = DataFolder(tmp_path / "data").make(), threading.Event()
    with contextlib.closing(Ledger.open(data.ledger)) as ledger:
        broker = Broker(data, Roster(ledger), port=free_port(), server=lambda: slow)
        starting = threading.Thread(target=broker.start, args=(leave_off,))
        starting.start()
        until(lambda: broker.pid is not None, 10, "it is started")
        begun = time.monotonic()
        leave_off.set()
        starting.join(10)
        broker.stop()
        assert broker.pid is None and time.monotonic() - begun < 5


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    """What, where, what to do; and nothing is left running."""
    data = DataFolder(tmp_path).make()
    ledger = Ledger.open(data.ledger)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = Broker(data, Roster(ledger), port=port)
        with pytest.raises(MisuseError, match=rf"broker: 127\.0\.0\.1:{port}: Address already in use: stop what"):
            broker.start()
        broker.stop()
    ledger.close()


def test_an_address_beyond_this_machine_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In clear; loopback says nothing."""
    data = DataFolder(tmp_path).make()
    ledger = Ledger.open(data.ledger)
    for address, warns in (("127.0.0.1", False), ("0.0.0.0", True)):
        caplog.clear()
        broker = Broker(data, Roster(ledger), address, free_port())
        broker.start()
        broker.stop()
        assert ("without TLS" in caplog.text) is warns
    ledger.close()


def test_a_host_that_is_killed_takes_its_broker_with_it(tmp_path: Path) -> None:
    """Else the next host finds its port in use, by a broker that nobody looks after."""
    port = free_port()
    program = f"""
import sys, time
from pathlib import Path
from wachhund.broker import Broker
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.held_off import Patience
from wachhund.fleet.roster import Roster
from wachhund.ledger import Ledger
data = DataFolder(Path({str(tmp_path)!r})).make()
broker = Broker(data, Roster(Ledger.open(data.ledger)), port={port})
broker.start()
print(broker.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        assert Path(f"/proc/{pid}/exe").readlink().name == "nats-server"
        child.kill()

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    until(gone, 15, "it comes")
