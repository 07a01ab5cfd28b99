"""Bluetooth, as far as a machine without a radio can show it: BlueZ's own reader judges the frames of our tests.

No radio and no Bluetooth in the kernel was there when this was written: nothing here was seen in the air. What the
sense makes of such frames is shown in tests/unit/agent/sensors/test_bluetooth.py, through a filter run by the kernel.
"""

import json
import subprocess
from pathlib import Path

from tests.robots import bluetooth as radio
from tests.robots.agent_python import AGENT_PYTHON
from wachhund_agent.kernel.hci_monitor import parse_frame
from wachhund_agent.sensors import hci

BLUETOOTH = Path("/sys/class/bluetooth")


def test_bluezs_own_reader_finds_in_our_frames_what_we_say_is_in_them(tmp_path: Path) -> None:
    """A writer and a reader by one hand can share an error; btmon shares none of ours.

    The list of characteristics is left out: btmon 5.66 crashes on any.
    """
    frames = [
        radio.frame(0, b"\x00\x01" + radio.address_bytes("00:11:22:33:44:55") + b"hci0\x00\x00\x00\x00"),
        radio.le_connected(64, radio.PHONE),
        *radio.described(64, 17, "2902"),
        *radio.written(64, 16, b"value"),
        *radio.written(64, 16, b"command", radio.WRITE_COMMAND),
        *radio.pairing(64, 1, b"\x03\x00\x01\x10\x07\x07"),
        radio.encrypted(64),
        radio.called(radio.PAD),
        radio.connected(1, radio.PAD),
        radio.simply_paired(radio.PAD),
        radio.link_key(radio.PAD, bytes(16)),
        radio.le_connected_enhanced(65, radio.PHONE, 0),
        radio.disconnected(64),
    ]
    capture = tmp_path / "air.btsnoop"
    capture.write_bytes(radio.btsnoop(frames))
    said = subprocess.run(["btmon", "-r", str(capture)], capture_output=True, text=True, check=True, timeout=20).stdout
    for line in (
        *("LE Connection Complete", "Role: Peripheral", f"Peer address: {radio.PHONE}", "Handle: 64"),
        *("ATT: Write Request (0x12) len 7", "Data: 76616c7565", "ATT: Write Command (0x52)", "Handle: 0x0010"),
        *("UUID: Client Characteristic Configuration (0x2902)", "SMP: Pairing Request", "Encryption: Enabled"),
        *("Connect Request", f"Address: {radio.PAD}", "Simple Pairing Complete", "Link Key Notification"),
        *("LE Enhanced Connection Complete", "Role: Central", "Remote User Terminated Connection"),
    ):
        assert line in said, line
    told = [
        hci.parse_event(frame.data) for frame in map(parse_frame, frames) if frame is not None and frame.opcode == 3
    ]
    assert [type(one).__name__ for one in told] == [
        *("Connected", "Encrypted", "Requested", "Connected", "Paired", "Paired", "Connected", "Disconnected"),
    ]


def test_the_agent_says_what_it_can_hear_of_bluetooth_on_this_machine() -> None:
    """Whatever this machine has, the statement is the truth about it; and asking loads nothing into the kernel."""
    there = BLUETOOTH.is_dir()
    done = subprocess.run(
        [AGENT_PYTHON, "-m", "wachhund_agent", "doctor", "--json"], capture_output=True, text=True, timeout=60
    )
    sense = json.loads(done.stdout)["sensors"]["bluetooth"]
    if there:
        assert sense["state"] == "event" or "CAP_NET_RAW" in sense["why"] or "namespace" in sense["why"]
    else:
        assert sense["state"] != "event" and "no Bluetooth in this kernel" in sense["why"]
    assert BLUETOOTH.is_dir() == there
