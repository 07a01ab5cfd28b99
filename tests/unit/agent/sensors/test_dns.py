"""DNS messages, and what the sense remembers of them: only answers to what this robot asked."""

import struct
from pathlib import Path
from typing import Tuple

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.dns import DOMAINS_KEPT, NAMES_KEPT, DnsSense, bits_per_character, domain_of, parse_hosts
from wachhund_agent.sensors.dns_message import Message, parse_message

US, SERVER = ("192.0.2.9", 40000), ("192.0.2.53", 53)


def name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def message(ident: int, labels: Tuple[bytes, ...], qtype: int = 1, answers: bytes = b"", count: int = 0) -> bytes:
    flags = 0x8180 if count else 0x0100
    return struct.pack("!6H", ident, flags, 1, count, 0, 0) + name(*labels) + struct.pack("!HH", qtype, 1) + answers


def answer(address: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, len(address)) + address


def test_a_question_and_its_answer() -> None:
    asked = parse_message(message(7, (b"Tunnel", b"Example", b"org"), 16))
    assert asked == Message(7, False, 0, ("tunnel", "example", "org"), "TXT", ())
    replied = parse_message(message(7, (b"a", b"org"), 1, answer(b"\xcb\x00\x71\x07"), 1))
    assert replied is not None and replied.is_response and replied.addresses == ("203.0.113.7",)


def test_a_name_that_points_at_itself_is_refused() -> None:
    assert parse_message(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c" + b"\0\1\0\1") is None


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message_or_none(data: bytes) -> None:
    parse_message(data)
    parse_message(struct.pack("!6H", 1, 0x8180, 1, 9, 0, 0) + data)


@given(st.binary())
def test_any_bytes_are_a_hosts_file(data: bytes) -> None:
    assert len(parse_hosts(data)) <= NAMES_KEPT


def test_hosts_gives_the_first_name_and_leaves_comments() -> None:
    assert parse_hosts(b"# x\n127.0.0.1 localhost lo\n10.0.0.1\tnano # y\n\n") == {
        "127.0.0.1": "localhost",
        "10.0.0.1": "nano",
    }


def test_domains_are_cut_where_somebody_registers_them() -> None:
    assert domain_of(("a", "b", "example", "org")) == "example.org"
    assert domain_of(("a", "example", "co", "uk")) == "example.co.uk"
    assert domain_of(()) == "."


def test_encoded_data_has_more_bits_than_a_name() -> None:
    assert bits_per_character("www") < 1 and bits_per_character("0123456789abcdefghijklmnopqrstuv") == 5.0


def sense(tmp_path: Path) -> DnsSense:
    return DnsSense(tmp_path / "hosts")


def take(one: DnsSense, data: bytes, asks: bool, mono: float = 1.0) -> None:
    parsed = parse_message(data)
    assert parsed is not None
    one._take(parsed, US if asks else SERVER, SERVER if asks else US, len(data), mono)


def test_only_an_answer_to_our_own_question_names_an_address(tmp_path: Path) -> None:
    one = sense(tmp_path)
    reply = message(7, (b"a", b"org"), 1, answer(b"\xcb\x00\x71\x07"), 1)
    take(one, reply, asks=False)
    assert one.name_of("203.0.113.7") is None, "nobody asked"
    take(one, message(8, (b"a", b"org")), asks=True)
    take(one, reply, asks=False)
    assert one.name_of("203.0.113.7") is None, "another number"
    take(one, message(7, (b"a", b"org")), asks=True)
    take(one, reply, asks=False, mono=30.0)
    assert one.name_of("203.0.113.7") is None, "too late"
    take(one, message(7, (b"a", b"org")), asks=True)
    take(one, reply, asks=False)
    assert one.name_of("203.0.113.7") == "a.org"


def test_the_shape_of_a_tunnel_is_told_at_once_and_then_once_a_minute(tmp_path: Path) -> None:
    one = sense(tmp_path)
    one.start(0.0)
    label = b"0123456789abcdefghijklmnopqrstuvwxyz0123456789"
    take(one, message(1, (label, b"t", b"example", b"org"), 10), asks=True)
    first = one._summaries(1.5)
    assert [(f.fields["domain"], f.fields["longest_label"], f.fields["qtypes"]) for f in first] == [
        ("example.org", 46, {"NULL": 1})
    ]
    take(one, message(2, (label, b"t", b"example", b"org"), 10), asks=True)
    assert one._summaries(2.0) == []
    assert len(one._summaries(61.0)) == 1
    one.close()


def test_a_flood_of_domains_is_bounded(tmp_path: Path) -> None:
    one = sense(tmp_path)
    for number in range(DOMAINS_KEPT + 50):
        take(one, message(1, (b"x%d" % number, b"org")), asks=True)
    told = {f.fields["domain"]: f.fields["queries"] for f in one._summaries(1e9)}
    assert len(told) == DOMAINS_KEPT + 1 and told["(others)"] == 50


def test_hosts_is_read_again_when_it_changes(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_bytes(b"10.0.0.1 nano\n")
    one = sense(tmp_path)
    one.start(0.0)
    assert one.name_of("10.0.0.1") == "nano"
    (tmp_path / "hosts").write_bytes(b"10.0.0.1 other-nano\n")
    one.look(20.0)
    assert one.name_of("10.0.0.1") == "other-nano"
    one.close()
