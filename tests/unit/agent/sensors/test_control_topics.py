"""Topics and filters, and of what kind a payload is."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from wachhund_agent.sensors.control_topics import HEAD_BYTES, Topic, kind_of, matches, word_of

KINDS = {"empty", "json", "python", "shell", "float32x4", "text", "binary"}
LEVELS = st.lists(st.sampled_from(["a", "b", "", "$s"]), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "empty"),
        (b'{"a": 1}', "json"),
        (b"[1, 2]", "json"),
        (b"{not json", "text"),
        (b"[" * 4000, "text"),
        (b"standUp", "text"),
        (b"4G", "text"),
        (b"import os\nos.system('x')\n", "python"),
        (b"# go\nfor i in range(3):\n    dog.walk(i)\n", "python"),
        (b"robot.standUp()", "python"),
        (b"#!/usr/bin/env python3\nx = 1", "python"),
        (b"sudo reboot", "shell"),
        (b"#!/bin/sh\nx", "shell"),
        (b"id > /tmp/x && true", "shell"),
        (b"/home/pi/run.sh", "shell"),
        (struct.pack("<4f", 0.0, -1.0, 0.5, 0.25), "float32x4"),
        (bytes(16), "float32x4"),
        (b"\xff" * 16, "binary"),
        (b"\x00\x01\x02", "binary"),
    ],
)
def test_kinds(payload: bytes, kind: str) -> None:
    assert kind_of(payload, len(payload)) == kind


def test_a_payload_of_which_the_beginning_is_known() -> None:
    assert kind_of(b'{"a": "' + b"x" * HEAD_BYTES, 1 << 20) == "json"
    assert kind_of(b"a" * (HEAD_BYTES - 1) + "é".encode(), 1 << 20) == "text", "a character cut in two"
    assert kind_of(b"\xff" * HEAD_BYTES, 1 << 20) == "binary"


@given(st.binary(max_size=400), st.integers(0, 1000))
def test_any_payload_has_a_kind(head: bytes, more: int) -> None:
    assert kind_of(head, len(head) + more) in KINDS


@pytest.mark.parametrize("piece", [b"\n", b" ", b"a.", b"for in ", b"| ", b"a(", b"))", b"[", b'{"a":', b";  "])
def test_no_payload_keeps_us_busy(piece: bytes) -> None:
    head = (piece * HEAD_BYTES)[:HEAD_BYTES]
    began = time.process_time()
    for _ in range(20):
        kind_of(head, len(head))
    assert time.process_time() - began < 0.5


@given(LEVELS, st.lists(st.sampled_from(["a", "b", "", "+", "$s"]), min_size=1, max_size=4), st.booleans())
def test_filters_match_as_the_mqtt_library_says(topic: list, wanted: list, rest: bool) -> None:
    name, asked = "/".join(topic), "/".join(wanted + (["#"] if rest else []))
    if name and asked:
        assert matches(asked, name) == topic_matches_sub(asked, name)


def test_only_listed_words_are_words() -> None:
    topic = Topic("controller/action", "mqtt", "control", ("standUp",))
    assert word_of(topic, b"standUp", 7) == word_of(topic, b' "standUp"\n', 11) == "standUp"
    assert word_of(topic, b"secret", 6) is None and word_of(topic, b"standUp", 900) is None
    assert word_of(Topic("x", "mqtt", "control"), b"standUp", 7) is None
