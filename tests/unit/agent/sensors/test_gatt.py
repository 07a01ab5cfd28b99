"""Attributes: pieces that become frames, writes, and the names of what is written to."""

import struct
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.robots import bluetooth as radio
from wachhund_agent.kernel.hci_monitor import parse_frame
from wachhund_agent.sensors import gatt
from wachhund_agent.sensors.gatt import Asked, Named, Pairing, Reassembly, Said, Write, parse_att, uuid_text


def said(frames: List[bytes], sent: bool = False) -> List[Said]:
    together = Reassembly()
    found = []
    for one in frames:
        frame = parse_frame(one)
        assert frame is not None
        told = together.feed(0, sent, frame.data)
        if told is not None:
            found.append(told[1])
    assert together.broken == 0
    return found


@pytest.mark.parametrize("pieces", [0, 5, 27])
def test_a_write_is_put_together_from_its_pieces(pieces: int) -> None:
    """Radios of small buffers cut a long write up; the exploit's text would be lost without this."""
    value = bytes(range(100))
    assert said(radio.written(64, 16, value, pieces=pieces)) == [Write(16, 100, value[: gatt.HEAD_BYTES])]


def test_every_way_to_write_is_one() -> None:
    assert parse_att(b"\x52\x10\x00ab") == Write(16, 2, b"ab")
    assert parse_att(b"\x16\x10\x00\x05\x00ab") == Write(16, 2, b"ab")
    assert parse_att(b"\xd2\x10\x00ab" + bytes(12)) == Write(16, 2, b"ab")
    assert parse_att(b"\x12\x10\x00") == Write(16, 0, b"")


@pytest.mark.parametrize(
    "data", [b"", b"\x12\x10", b"\xd2\x10\x00abc", b"\x16\x10\x00", b"\x1b\x10\x00ab", b"\x09\x08ab"]
)
def test_what_is_cut_short_or_no_write_says_nothing(data: bytes) -> None:
    assert parse_att(data) is None


def test_characteristics_are_named_by_where_their_value_is() -> None:
    long = "12345678-1234-5678-1234-567812345678"
    told = said(radio.discovered(64, [(1, 2, "ffe1"), (4, 5, "ffe2")]))
    assert told == [Asked("2803"), Named({2: "ffe1", 5: "ffe2"}, True)]
    told = said(radio.discovered(64, [(1, 2, long.replace("-", ""))]))
    assert told[1] == Named({2: long}, True)
    assert said(radio.described(64, 3, "2902")) == [Named({3: "2902"}, False)]


def test_a_name_of_the_standard_is_short_however_it_travels() -> None:
    whole = bytes.fromhex("0000ffe200001000800000805f9b34fb")[::-1]
    assert uuid_text(whole) == uuid_text(b"\xe2\xff") == "ffe2"
    assert uuid_text(b"abc") is None


def test_of_a_pairing_only_the_kind_of_message_is_read() -> None:
    assert said(radio.pairing(64, 1, bytes(6))) == [Pairing(1)]


def test_a_piece_without_its_beginning_is_passed_over_and_a_frame_without_its_end_is_counted() -> None:
    """The kernel's filter keeps the beginnings of what nobody asked for back."""
    together = Reassembly()
    first, second = (parse_frame(one) for one in radio.written(64, 16, bytes(30), pieces=20))
    assert first is not None and second is not None
    assert together.feed(0, False, second.data) is None
    assert together.feed(0, False, first.data) is None and together.feed(0, False, first.data) is None
    assert together.broken == 1
    assert together.feed(0, True, second.data) is None, "the other direction has frames of its own"
    together.forget(0, 64)
    assert together.feed(0, False, second.data) is None


def test_a_frame_that_says_it_is_huge_is_given_up() -> None:
    together = Reassembly()
    assert together.feed(0, False, struct.pack("<HHHH", 64 | 2 << 12, 10, 60000, 4) + b"\x12") is None
    assert together.broken == 1


def test_so_many_begun_frames_are_kept_and_no_more() -> None:
    together = Reassembly()
    for handle in range(gatt.FRAMES_KEPT + 3):
        together.feed(0, False, struct.pack("<HHHH", handle | 2 << 12, 5, 100, 4) + b"\x12")
    assert together.broken == 3


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60))))
def test_any_packets_are_read(packets: "List[tuple[bool, bytes]]") -> None:
    together = Reassembly()
    for sent, data in packets:
        together.feed(0, sent, data)
