"""Control over MQTT, on a real mosquitto with real publishers; and on brokers that refuse, hang or lie."""

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ports import free_port
from tests.waiting import until
from wachhund_agent.sensors import control_mqtt
from wachhund_agent.sensors.control_mqtt import TOPICS_KEPT, ControlMqttSense
from wachhund_agent.sensors.control_topics import Topic
from wachhund_evidence import Observation, observation_to_line

TOPICS = (
    Topic("controller/action", "mqtt", "control", ("standUp", "walk")),
    Topic("controller/stick", "mqtt", "control"),
    Topic("controller/current_action", "mqtt", "state", ("standUp", "walk")),
    Topic("programming/code", "mqtt", "code"),
    Topic("usys/sh", "mqtt", "code"),
    Topic("firmware/upgrade/#", "update", "code"),
    Topic("usys/uuid", "mqtt", "identity"),
)


class Broker:
    """A mosquitto on a loopback port, anonymous as the robot's own."""

    def __init__(self, folder: Path, more: str = "allow_anonymous true\n") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\n{more}")
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(self._config)], stdout=quiet, stderr=quiet)
        until(self._answers, 10, "the broker")
        return process

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def restart(self) -> None:
        self.stop()
        self.process = self._start()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(10)

    def say(self, topic: str, payload: bytes | None, *more: str) -> None:
        content = ["-n"] if payload is None else ["-s"]
        command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, *content, *more]
        subprocess.run(command, input=payload, check=True, timeout=10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def sense(broker: Broker) -> Iterator[ControlMqttSense]:
    one = ControlMqttSense(("127.0.0.1", broker.port), TOPICS, 1.0)
    hears(one)
    until(lambda: one.look(time.monotonic()) or one.fds(), 5, "quiet")
    yield one
    one.close()


def hears(one: ControlMqttSense) -> list[Observation]:
    found = one.start(time.monotonic())

    def ready() -> bool:
        found.extend(one.look(time.monotonic()))
        return one.coverage().state == "event"

    until(ready, 10, "subscribed")
    return found


def told(one: ControlMqttSense, count: int = 1, later: float = 0.0) -> list[Observation]:
    """Look until so many observations have come. `later`: as if so many seconds had passed."""
    found: list[Observation] = []

    def enough() -> bool:
        found.extend(one.look(time.monotonic() + later))
        return len(found) >= count

    until(enough, 10, f"{count} observations, got {found}")
    return found


def counted(one: ControlMqttSense, topic: str, count: int) -> None:
    """Read until so many messages of a topic wait to be told."""

    def enough() -> bool:
        assert one.look(time.monotonic()) == []
        return one._counts[topic, False].count >= count

    until(enough, 5, f"{count} messages of {topic}")


def test_the_first_message_is_told_at_once_and_the_rest_counted(broker: Broker, sense: ControlMqttSense) -> None:
    assert sense.fds(), "a quiet broker wakes us"
    broker.say("controller/action", b"standUp")
    (first,) = told(sense)
    assert first.kind == "control"
    assert {**first.fields, "first_mono": 0, "last_mono": 0} == {
        "surface": "mqtt", "what": "controller/action", "meaning": "control", "count": 1, "bytes": 7,
        "kinds": {"text": 1}, "words": {"standUp": 1}, "changed": 0, "retained": False, "client": None,
        "first_mono": 0, "last_mono": 0,
    }  # fmt: skip
    for word in (b"walk", b"walk", b"my password"):
        broker.say("controller/action", word)
    counted(sense, "controller/action", 3)
    (rest,) = told(sense, later=control_mqtt.EVERY_S)
    assert (rest.fields["count"], rest.fields["words"], rest.fields["changed"]) == (3, {"walk": 2}, 1)
    assert "password" not in observation_to_line(rest)


def test_code_a_stick_and_an_update_are_told_by_kind_and_never_by_content(
    broker: Broker, sense: ControlMqttSense
) -> None:
    broker.say("programming/code", b"import os\nos.system('secret-one')\n")
    broker.say("usys/sh", b"sudo cat /etc/secret-two")
    broker.say("controller/stick", struct.pack("<4f", 0, 0.5, -0.5, 1))
    broker.say("firmware/upgrade/legs", b"\x7fELF\x00secret-three")
    found = told(sense, 4)
    assert {(f.fields["what"], f.fields["surface"], f.fields["meaning"], *f.fields["kinds"]) for f in found} == {
        ("programming/code", "mqtt", "code", "python"),
        ("usys/sh", "mqtt", "code", "shell"),
        ("controller/stick", "mqtt", "control", "float32x4"),
        ("firmware/upgrade/legs", "update", "code", "binary"),
    }
    assert not any("secret" in observation_to_line(f) for f in found)


def test_what_was_retained_says_so_and_an_identity_is_told_once_without_its_content(broker: Broker) -> None:
    broker.say("usys/uuid", b"2f9c-secret", "-r")
    broker.say("controller/action", b"walk", "-r")
    broker.say("other/topic", b"x", "-r")
    one = ControlMqttSense(("127.0.0.1", broker.port), TOPICS, 1.0)
    try:
        found = hears(one)
        if len(found) < 2:
            found += told(one, 2 - len(found))
        assert {f.kind for f in found} == {"control", "config.state"}
        state = next(f for f in found if f.kind == "config.state")
        assert state.fields == {"name": "retained-message", "what": "usys/uuid", "value": True}
        assert next(f for f in found if f.kind == "control").fields["retained"] is True
        broker.say("usys/uuid", b"another-secret", "-r")
        (live,) = told(one)
        assert (live.kind, live.fields["meaning"], live.fields["retained"]) == ("control", "identity", False)
        broker.restart()
        until(lambda: one.look(time.monotonic()) or one.coverage().state == "blind", 10, "lost")
        assert not [f for f in hears(one) if f.kind == "config.state"], "told once"
    finally:
        one.close()


def test_state_is_counted_by_the_minute(broker: Broker, sense: ControlMqttSense) -> None:
    for word in (b"standUp", b"standUp", b"walk"):
        broker.say("controller/current_action", word)
    until(lambda: sense.look(time.monotonic()) == [] and sense._counts, 5, "heard")
    counted(sense, "controller/current_action", 3)
    (state,) = told(sense, later=control_mqtt.STATE_EVERY_S)
    assert (state.fields["meaning"], state.fields["count"], state.fields["changed"]) == ("state", 3, 1)


def test_a_large_program_is_measured_and_not_kept(broker: Broker, sense: ControlMqttSense) -> None:
    broker.say("programming/code", b"import os\n" + b"#" * (8 << 20))
    (one,) = told(sense)
    assert (one.fields["bytes"], one.fields["kinds"]) == ((8 << 20) + 10, {"python": 1})


def test_invented_topics_do_not_crowd_out_the_others(broker: Broker, sense: ControlMqttSense) -> None:
    script = "".join(f"-t firmware/upgrade/{number} -n\n" for number in range(TOPICS_KEPT + 30))
    for line in script.splitlines():
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), *line.split()], check=True)
    broker.say("controller/action", b"walk")
    found = told(sense, TOPICS_KEPT + 2)
    by_topic = {f.fields["what"]: f.fields["count"] for f in found}
    assert "firmware/upgrade/#" in by_topic and by_topic["controller/action"] == 1
    assert len(by_topic) == TOPICS_KEPT + 2


def test_while_messages_stream_they_do_not_wake_us_one_by_one(broker: Broker, sense: ControlMqttSense) -> None:
    broker.say("controller/stick", bytes(16))
    told(sense)
    assert sense.fds() == [], "something came: the rest is read when the next look is due"
    sense.look(time.monotonic())
    assert sense.fds(), "nothing came any more"


def test_our_own_connection_is_known_by_its_inode(sense: ControlMqttSense) -> None:
    (fd,) = sense.fds()
    assert sense.own_inodes() == {os.fstat(fd).st_ino}


def test_a_broker_that_goes_and_comes_back(broker: Broker, sense: ControlMqttSense) -> None:
    broker.stop()
    until(lambda: sense.look(time.monotonic()) or sense.coverage().state == "blind", 5, "blind")
    assert "is not seen" in (sense.coverage().why or "") and sense.fds() == []
    broker.restart()
    until(lambda: sense.look(time.monotonic()) or sense.coverage().state == "event", 10, "back")
    assert sense.coverage().dropped == 1, "what was said meanwhile"


def test_no_broker_at_all() -> None:
    one = ControlMqttSense(("127.0.0.1", free_port()), TOPICS)
    now = time.monotonic()
    one.start(now)
    assert one.coverage().state == "blind" and "refused" in (one.coverage().why or "")
    one.look(now + 0.5)
    one.close()


@pytest.mark.parametrize("address", [("not an address", 1883), ("127.0.0.1", 99999), ("", -1), ("::1", 1)])
def test_an_address_that_cannot_be(address: tuple[str, int]) -> None:
    one = ControlMqttSense(address, TOPICS)
    one.start(time.monotonic())
    one.look(time.monotonic() + 1)
    assert one.coverage().state == "blind"
    one.close()


def test_a_broker_that_wants_a_name_and_password(tmp_path: Path) -> None:
    broker = Broker(tmp_path, "allow_anonymous false\n")
    one = ControlMqttSense(("127.0.0.1", broker.port), TOPICS)
    try:
        one.start(time.monotonic())
        until(lambda: one.look(time.monotonic()) or "refuses us" in (one.coverage().why or ""), 5, "refused")
    finally:
        one.close()
        broker.stop()


def test_a_broker_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = ControlMqttSense(silent.getsockname(), TOPICS)
        now = time.monotonic()
        one.start(now)
        assert one.coverage().state == "blind"
        one.look(now + control_mqtt.ANSWER_S + 1)
        assert "does not answer" in (one.coverage().why or "")
        one.close()


def test_a_broker_that_hangs_later(broker: Broker, sense: ControlMqttSense) -> None:
    broker.process.send_signal(signal.SIGSTOP)
    sense.look(time.monotonic() + control_mqtt.SILENCE_S + 1)
    assert "fell silent" in (sense.coverage().why or "")


def test_a_broker_that_talks_nonsense() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = ControlMqttSense(server.getsockname(), TOPICS)
        one.start(time.monotonic())
        with server.accept()[0] as client:
            client.sendall(b"\x00HTTP/1.1 400\r\n")
            until(lambda: one.look(time.monotonic()) or "no MQTT" in (one.coverage().why or ""), 5, "told apart")
        one.close()


def test_no_topics_is_no_blindness() -> None:
    one = ControlMqttSense(("127.0.0.1", 1), ())
    assert one.start(0.0) == [] and one.coverage().state == "poll"
    one.close()
