"""Who connects, pairs and writes by Bluetooth: frames of the specification, through the kernel's own filter."""

import os
import shutil
import socket
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.robots import bluetooth as radio
from wachhund_agent.kernel import hci_monitor
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.hci_monitor import HciMonitor
from wachhund_agent.sensors import attribute_writes, bluetooth
from wachhund_agent.sensors.bluetooth import BluetoothSense
from wachhund_agent.sensors.provisioning import Provisioning
from wachhund_evidence import Observation

KNOWN = [Provisioning("ffe2", "network set-up", "unitree")]
WRITABLE, DESCRIPTOR = 16, 17


class Robot:
    """A sense whose monitor channel is a socket of ours: the kernel filters it, and nothing of ours stands between."""

    def __init__(self, folder: Path) -> None:
        self._air, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        hci_monitor.attach(self._theirs)
        self.storage = folder / "bluetooth"
        self.sense = BluetoothSense(KNOWN, self.storage, lambda: HciMonitor(self._theirs))
        self.now = 100.0
        self.first = self.sense.start(self.now)

    def hears(self, frames: List[bytes], seconds: float = 1.0) -> List[Observation]:
        for one in frames:
            self._air.send(one)
        self.now += seconds
        return self.sense.look(self.now)

    def close(self) -> None:
        self.sense.close()
        self._air.close()
        self._theirs.close()


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Robot]:
    made = Robot(tmp_path)
    yield made
    made.close()


def test_a_phone_that_connects_is_told_with_its_direction_until_it_leaves(robot: Robot) -> None:
    (told,) = robot.hears([radio.le_connected(64, radio.PHONE)])
    assert told.kind == "bluetooth.connect"
    assert (told.fields["address"], told.fields["transport"], told.fields["direction"]) == (radio.PHONE, "le", "in")
    assert told.fields["address_type"] == "random" and told.fields["adapter"] == "hci0"
    (told,) = robot.hears([radio.disconnected(64)], 7.0)
    assert told.kind == "bluetooth.disconnect"
    assert (told.fields["duration_s"], told.fields["reason"]) == (7.0, 0x13)


def test_who_called_whom_is_told_for_classic_bluetooth_too(robot: Robot) -> None:
    """A controller that the robot calls and somebody who calls the robot are two different stories."""
    (came,) = robot.hears([radio.called(radio.PAD), radio.connected(1, radio.PAD)])
    (went,) = robot.hears([radio.connected(2, radio.PHONE)])
    (central,) = robot.hears([radio.le_connected_enhanced(65, radio.PHONE, 0)])
    assert [one.fields["direction"] for one in (came, went, central)] == ["in", "out", "out"]


def test_a_pairing_is_told_however_it_is_made(robot: Robot) -> None:
    told = robot.hears(
        [radio.connected(1, radio.PAD), radio.simply_paired(radio.PAD), radio.link_key(radio.PAD, bytes(16))]
    )
    assert [one.kind for one in told] == ["bluetooth.connect", "bluetooth.pair", "bluetooth.pair"]
    told = robot.hears([radio.le_connected(64, radio.PHONE), *radio.pairing(64, 1, bytes(6)), radio.encrypted(64)])
    assert [one.kind for one in told] == ["bluetooth.connect", "bluetooth.pair"]
    assert told[1].fields["address"] == radio.PHONE
    assert robot.hears([*radio.pairing(64, 6, bytes(16)), radio.encrypted(64)]) == [], (
        "encrypting again with a key that is there pairs nobody"
    )


def test_a_pairing_that_fails_is_none(robot: Robot) -> None:
    robot.hears([radio.le_connected(64, radio.PHONE)])
    assert robot.hears([*radio.pairing(64, 1, bytes(6)), *radio.pairing(64, 5, b"\x04"), radio.encrypted(64)]) == []
    assert robot.hears([radio.simply_paired(radio.PAD, status=5)]) == []


def test_writes_are_counted_by_attribute_with_its_name_and_never_copied(robot: Robot) -> None:
    robot.hears([radio.le_connected(64, radio.PHONE)])
    names = [*radio.discovered(64, [(15, WRITABLE, "ffe3")]), *radio.described(64, DESCRIPTOR, "2902")]
    told = robot.hears(
        [*names, *radio.written(64, DESCRIPTOR, b"\x01\x00"), *radio.written(64, WRITABLE, b"planted-Zq9w")]
    )
    assert [(one.kind, one.fields["characteristic"], one.fields["kinds"]) for one in told] == [
        ("bluetooth.write", "2902", {"subscription": 1}),
        ("bluetooth.write", "ffe3", {"value": 1}),
    ]
    assert "planted" not in str(told) and told[1].fields["bytes"] == 12 and told[1].fields["what"] is None
    assert robot.hears(radio.written(64, WRITABLE, b"again")) == [], "the rest is counted"
    (told,) = robot.hears([], attribute_writes.EVERY_S)
    assert (told.fields["count"], told.fields["largest"]) == (1, 5)


def test_an_attempt_to_set_the_robot_up_is_told_with_what_it_did(robot: Robot) -> None:
    """CVE-2025-35027 and its relatives; enciphered here by a constant stream, as one key and initial value make it."""
    stream = os.urandom(16)
    attack = [
        radio.set_up(1, b"\x00\x00unitree"),
        radio.set_up(3, b"\x01"),
        *radio.chunks(4, b'";$(id);#'),
        radio.set_up(6, b"\x01US\x00"),
    ]
    sealed = [bytes(one[at] ^ stream[at] for at in range(len(one))) for one in attack]
    robot.hears(
        [radio.le_connected(64, radio.PHONE), *radio.discovered(64, [(12, 13, "ffe1"), (15, WRITABLE, "ffe2")])]
    )
    told = robot.hears([frame for one in sealed for frame in radio.written(64, WRITABLE, one, radio.WRITE_COMMAND)])
    (write,) = told
    assert write.fields["what"] == "network set-up" and write.fields["address"] == radio.PHONE
    assert write.fields["kinds"] == {"like-handshake": 1, "mode": 1, "network-name": 1, "country": 1}
    assert write.fields["shell_characters"] == 1
    assert "id" not in str(write.fields["kinds"])


def test_what_was_written_last_is_told_when_the_writer_leaves(robot: Robot) -> None:
    robot.hears([radio.le_connected(64, radio.PHONE), *radio.written(64, WRITABLE, b"a")])
    told = robot.hears([*radio.written(64, WRITABLE, b"b"), radio.disconnected(64)])
    assert [one.kind for one in told] == ["bluetooth.write", "bluetooth.disconnect"]
    assert told[0].fields["characteristic"] is None, "nobody asked for the names here"


def test_a_controller_that_is_taken_away_ends_its_connections(robot: Robot) -> None:
    robot.hears([radio.le_connected(64, radio.PHONE)])
    assert robot.hears([radio.frame(0, bytes(16))]) == [], "the kernel tells of each controller when we begin to listen"
    (told,) = robot.hears([radio.frame(1, b"")])
    assert (told.kind, told.fields["reason"]) == ("bluetooth.disconnect", None)


def test_a_stream_of_writes_is_read_each_second_instead_of_at_each_packet(robot: Robot) -> None:
    """A joystick writes 50 times a second; each wake-up costs the robot."""
    assert robot.sense.fds() != []
    robot.hears(radio.written(64, WRITABLE, b"stick") * bluetooth.BUSY_FRAMES)
    assert robot.sense.fds() == [] and robot.sense.interval_s == bluetooth.BUSY_S
    robot.hears([])
    assert robot.sense.fds() != [] and robot.sense.interval_s == bluetooth.QUIET_S


def test_more_connections_and_attributes_than_there_is_room_for_are_counted(robot: Robot) -> None:
    many = [radio.le_connected(handle, radio.PHONE) for handle in range(bluetooth.LINKS_KEPT + 2)]
    assert len(robot.hears(many)) == bluetooth.LINKS_KEPT
    assert robot.sense.coverage().dropped == 2
    for start in range(0, attribute_writes.COUNTS_KEPT + 3, 64):
        count = min(64, attribute_writes.COUNTS_KEPT + 3 - start)
        robot.hears([frame for number in range(count) for frame in radio.written(1, start + number, b"x")], 0.001)
    assert robot.sense.coverage().dropped == 5


def test_what_bluetoothd_remembers_is_told_as_it_changes(robot: Robot) -> None:
    assert robot.first == []
    known = robot.storage / "00:11:22:33:44:55" / radio.PHONE
    known.mkdir(parents=True)
    (known / "info").write_text("[General]\nName=planted-Zq9w\n")
    (told,) = robot.hears([])
    assert (told.kind, told.fields["change"], told.fields["address"]) == ("bluetooth.pair", "kept", radio.PHONE)
    assert robot.hears([]) == []
    shutil.rmtree(known)
    (told,) = robot.hears([])
    assert told.fields["change"] == "removed" and "planted" not in str(told)


def refuses() -> HciMonitor:
    raise KernelError("no Bluetooth in this kernel, or not loaded")


def test_without_the_family_and_without_a_folder_the_sense_is_blind_and_says_why(tmp_path: Path) -> None:
    sense = BluetoothSense(KNOWN, tmp_path / "none", refuses)
    assert sense.start(1.0) == [] and sense.look(2.0) == []
    told = sense.coverage()
    assert told.state == "blind" and "no Bluetooth in this kernel" in str(told.why)
    sense.close()


def test_without_the_family_the_folder_still_tells_who_is_paired(tmp_path: Path) -> None:
    place = tmp_path / "00:11:22:33:44:55" / radio.PAD
    place.mkdir(parents=True)
    (place / "info").touch()
    sense = BluetoothSense(KNOWN, tmp_path, refuses)
    (told,) = sense.start(1.0)
    assert told.fields["existing"] is True
    seen = sense.coverage()
    assert (seen.state, seen.source) == ("poll", "storage") and "only who is paired" in str(seen.why)
    sense.close()


def test_a_channel_that_breaks_is_opened_again(tmp_path: Path) -> None:
    opened = []

    def opens() -> HciMonitor:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.close()
        opened.append(theirs)
        return HciMonitor(theirs)

    sense = BluetoothSense(KNOWN, tmp_path, opens)
    sense.start(1.0)
    opened[0].close()
    assert sense.look(2.0) == [] and len(opened) == 1
    assert "broke" in str(sense.coverage().why)
    sense.look(7.0)
    assert len(opened) == 2 and sense.coverage().state == "event"
    sense.close()
