"""Reading a robot's set-up over Bluetooth without its key: what the same key and initial value give away."""

import os
from typing import List

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from tests.robots import bluetooth as radio
from wachhund_agent.sensors.provisioning import Reading, SetUpReader

GREETING = radio.set_up(1, b"\x00\x00unitree")


class Enciphered:
    """AES-CFB128 with one key and initial value, drawn for this test: whatever they are, they are always the same."""

    def __init__(self) -> None:
        self._cipher = Cipher(algorithms.AES(os.urandom(16)), modes.ECB())
        self._initial = os.urandom(16)

    def __call__(self, text: bytes) -> bytes:
        block, made = self._initial, b""
        for at in range(0, len(text), 16):
            encryptor = self._cipher.encryptor()
            stream = encryptor.update(block) + encryptor.finalize()
            part = text[at : at + 16]
            block = bytes(part[place] ^ stream[place] for place in range(len(part)))
            made += block
        return made


def read(reader: SetUpReader, messages: List[bytes]) -> List[Reading]:
    return [reader.read(len(one), one[:64]) for one in messages]


def test_the_known_attack_is_read_step_by_step() -> None:
    """CVE-2025-35027: a greeting, then a network name that a shell will be given."""
    encipher = Enciphered()
    messages = [
        GREETING,
        radio.set_up(2, b""),
        radio.set_up(3, b"\x01"),
        *radio.chunks(4, b'";$(touch /tmp/x; reboot -f);#'),
        *radio.chunks(5, b"whatever1"),
        radio.set_up(6, b"\x01US\x00"),
    ]
    told = read(SetUpReader("unitree"), [encipher(one) for one in messages])
    assert [one.kind for one in told] == [
        *("like-handshake", "serial-number", "mode"),
        *["network-name"] * 3,
        *("password", "country"),
    ]
    assert [one.shell for one in told] == [False, False, False, True, True, True, False, False]


def test_an_honest_set_up_has_nothing_for_a_shell() -> None:
    encipher = Enciphered()
    messages = [
        GREETING,
        radio.set_up(3, b"\x02"),
        *radio.chunks(4, b"Lab & Workshop 2"),
        *radio.chunks(5, b"correct horse"),
    ]
    told = read(SetUpReader("unitree"), [encipher(one) for one in messages])
    assert not any(one.shell for one in told)


def test_the_next_visit_is_read_from_its_first_message() -> None:
    """An attacker who comes again is no stranger."""
    encipher, reader = Enciphered(), SetUpReader("unitree")
    read(reader, [encipher(GREETING), encipher(radio.set_up(2, b""))])
    assert reader.proven
    assert read(reader, [encipher(GREETING)]) == [Reading("handshake", False)]


def test_another_product_at_the_same_characteristic_is_not_taken_for_a_set_up() -> None:
    """ffe1 and ffe2 are what many serial modules use: 13 bytes alone prove nothing."""
    reader = SetUpReader("unitree")
    told = read(reader, [b"hello, robot\n", b"go left now!\n", b"stop\n", b"hello, robot\n"])
    assert not reader.proven
    assert {one.kind for one in told} <= {"like-handshake", "unread"}


def test_with_another_key_each_time_nothing_is_read() -> None:
    reader = SetUpReader("unitree")
    told = read(reader, [Enciphered()(GREETING), Enciphered()(radio.set_up(2, b""))])
    assert [one.kind for one in told] == ["like-handshake", "unread"]


def test_without_a_word_it_is_only_counted() -> None:
    assert read(SetUpReader(""), [b"", GREETING]) == [Reading("unread", False)] * 2


@given(st.lists(st.binary(max_size=40)))
def test_any_messages_are_read(messages: List[bytes]) -> None:
    reader = SetUpReader("unitree")
    for one in messages:
        reader.read(len(one), one[:64])
