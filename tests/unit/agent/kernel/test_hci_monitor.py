"""What passes the filter before the monitor channel (run by this machine's kernel), and how its frames are cut up."""

import socket
import struct
from typing import Iterator, List, Tuple

import pytest

from tests.robots import bluetooth as radio
from wachhund_agent.kernel import hci_monitor
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.hci_monitor import FRAME_BYTES, Frame, HciMonitor, parse_connections, parse_frame


@pytest.fixture
def line() -> Iterator[Tuple[socket.socket, HciMonitor]]:
    """A datagram socket with the filter before it: the kernel filters for it as it does for a Bluetooth socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    hci_monitor.attach(theirs)
    monitor = HciMonitor(theirs)
    yield ours, monitor
    monitor.close()
    ours.close()


def passed(line: Tuple[socket.socket, HciMonitor], frames: List[bytes]) -> List[Frame]:
    for one in frames:
        line[0].send(one)
    return line[1].read(100)


@pytest.mark.parametrize(
    "frames",
    [
        [radio.le_connected(64, radio.PHONE)],
        [radio.le_connected_enhanced(64, radio.PHONE, 0)],
        [radio.called(radio.PAD)],
        [radio.connected(1, radio.PAD)],
        [radio.disconnected(1)],
        [radio.encrypted(1)],
        [radio.simply_paired(radio.PAD)],
        [radio.frame(1, b"")],
        [radio.frame(9, b"")],
        radio.written(64, 16, b"x"),
        radio.written(64, 16, b"x", radio.WRITE_COMMAND),
        radio.written(64, 16, bytes(40), pieces=27),
        radio.discovered(64, [(1, 2, "ffe2")]),
        radio.described(64, 3, "2902"),
    ],
)
def test_what_somebody_may_need_to_know_passes_whole(
    line: Tuple[socket.socket, HciMonitor], frames: List[bytes]
) -> None:
    assert passed(line, frames) == [parse_frame(one) for one in frames]


@pytest.mark.parametrize(
    "frames",
    [
        [radio.advertising(radio.PHONE)],
        [radio.event(0x0E, bytes(8))],  # command complete
        [radio.event(0x13, bytes(5))],  # packets sent
        [radio.frame(0, bytes(16))],  # a controller, told again at each start
        [radio.frame(2, bytes(8))],  # a command
        [radio.frame(6, bytes(60))],  # voice
        [radio.frame(17, bytes(60))],  # the management channel, which tells keys
        radio.acl(64, 4, b"\x1b\x10\x00value", received=False),  # a notification
        radio.acl(1, 0x40, bytes(600)),  # music
    ],
)
def test_what_fills_the_air_wakes_nobody(line: Tuple[socket.socket, HciMonitor], frames: List[bytes]) -> None:
    """An agent that woke at each advertising would cost the robot more than it is worth."""
    assert passed(line, frames) == []


def test_keys_are_cut_off_before_the_agent_has_them(line: Tuple[socket.socket, HciMonitor]) -> None:
    """A monitor that held the robot's keys would be worth breaking into."""
    key = bytes(range(200, 216))
    (told,) = passed(line, [radio.link_key(radio.PAD, key)])
    assert told.data == bytes((0x18, 23)) + radio.address_bytes(radio.PAD)
    (told,) = passed(line, radio.pairing(64, 6, key))
    assert told.data[-1:] == b"\x06" and len(told.data) == 9


def test_a_frame_is_as_long_as_it_says_or_as_it_is() -> None:
    assert parse_frame(b"\x03\x00\x01\x00\x02\x00abc") == Frame(3, 1, b"ab")
    assert parse_frame(b"\x03\x00\x01\x00\xff\x00abc") == Frame(3, 1, b"abc")
    assert parse_frame(b"\x03\x00\x01\x00\x02") is None


def test_a_long_frame_is_cut(line: Tuple[socket.socket, HciMonitor]) -> None:
    (told,) = passed(line, radio.written(64, 16, bytes(2 * FRAME_BYTES)))
    assert len(told.data) == FRAME_BYTES - 6


def test_connections_that_stand_are_read_without_voice() -> None:
    entry = struct.Struct("=H6sBBHI")
    raw = radio.address_bytes(radio.PHONE)
    links = [entry.pack(64, raw, 0x80, 0, 1, 0), entry.pack(2, raw, 0, 0, 1, 0), entry.pack(1, raw, 1, 1, 1, 0)]
    told = parse_connections(struct.pack("=HH", 1, 3) + b"".join(links) + b"cut short")
    assert [(one.controller, one.handle, one.is_le, one.out) for one in told] == [
        (1, 64, True, False),
        (1, 1, False, True),
    ]
    assert told[0].address == raw
    assert parse_connections(b"\x00\x00\x05") == []


def test_a_machine_without_bluetooth_is_said_to_be_one() -> None:
    """Where there is a radio this opens; here it says why not. Both are the truth, and neither is a traceback."""
    try:
        HciMonitor().close()
    except KernelError as error:
        assert "Bluetooth" in str(error)
    assert isinstance(hci_monitor.connections(), list)


def test_a_channel_that_broke_is_said(line: Tuple[socket.socket, HciMonitor]) -> None:
    line[1].close()
    with pytest.raises(KernelError):
        line[1].read(1)
    assert line[1].dropped() == 0
