"""MQTT packets: cut from any stream, whatever its pieces, and never more kept than is bounded."""

import struct
from typing import List

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors import mqtt_packets as mqtt


def publish(topic: bytes, payload: bytes, flags: int = 0) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + (b"\0\1" if flags & 6 else b"") + payload
    return mqtt._packet(0x30 | flags, body)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=20000)), max_size=5), st.data())
def test_a_stream_in_any_pieces_gives_its_messages(messages: List, data: st.DataObject) -> None:
    stream = b"".join(publish(topic, payload) for topic, payload in messages)
    reader, found, at = mqtt.PacketReader(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 9000))
        found += reader.feed(stream[at : at + size])
        at += size
    assert not reader.broken
    read = [mqtt.read_publish(packet) for packet in found]
    wanted = [(topic, payload[: mqtt.KEPT_BYTES - 2 - len(topic)], len(payload)) for topic, payload in messages]
    assert [(one.topic, one.head, one.size) for one in read if one is not None] == wanted


@given(st.binary(max_size=2000))
def test_any_bytes_are_packets_or_broken(data: bytes) -> None:
    for packet in mqtt.PacketReader().feed(data):
        mqtt.read_publish(packet)


def test_of_a_large_packet_only_the_beginning_is_kept() -> None:
    reader = mqtt.PacketReader()
    packet = publish(b"programming/code", b"x" * (3 << 20), flags=1)
    found = [one for at in range(0, len(packet), 65536) for one in reader.feed(packet[at : at + 65536])]
    assert len(found) == 1 and len(found[0].body) == mqtt.KEPT_BYTES
    message = mqtt.read_publish(found[0])
    assert message is not None and (message.size, message.retained) == (3 << 20, True)


def test_a_message_that_is_answered_has_a_number_before_its_payload() -> None:
    (packet,) = mqtt.PacketReader().feed(publish(b"t", b"walk", flags=2))
    assert mqtt.read_publish(packet) == mqtt.Publish(b"t", b"walk", 4, False)


def test_a_length_of_five_bytes_is_no_mqtt() -> None:
    reader = mqtt.PacketReader()
    assert reader.feed(b"\x30\xff\xff\xff\xff\x01") == [] and reader.broken
    assert reader.feed(mqtt.ping()) == []


def test_what_we_say_is_as_the_standard_has_it() -> None:
    assert mqtt.connect("ab", 60) == b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02ab"
    assert mqtt.subscribe(["a/#"]) == b"\x82\x08\x00\x01\x00\x03a/#\x00"
    assert len(mqtt.subscribe(["x" * 200])) == 3 + 2 + 2 + 200 + 1, "a length of two bytes"
