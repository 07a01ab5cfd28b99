"""The kernel's table of connections: what one entry says, any bytes, and this very kernel asked."""

import pathlib
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel import conntrack
from wachhund_agent.kernel.conntrack import Conntrack, Endpoint, Translated
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.netlink import pack_attribute


def ends(number: int, source: Endpoint, target: Endpoint) -> bytes:
    family, first = (socket.AF_INET6, 3) if ":" in source[0] else (socket.AF_INET, 1)
    raw = [socket.inet_pton(family, one[0]) for one in (source, target)]
    addresses = pack_attribute(first, raw[0]) + pack_attribute(first + 1, raw[1])
    ports = b"".join(pack_attribute(at, struct.pack("!H", one[1])) for at, one in ((2, source), (3, target)))
    return pack_attribute(number, pack_attribute(1, addresses) + pack_attribute(2, pack_attribute(1, b"\x06") + ports))


@pytest.mark.parametrize(
    "entry",
    [
        Translated(("203.0.113.7", 4000), ("100.100.57.24", 22), ("192.168.123.13", 80), ("192.168.123.161", 4000)),
        Translated(("2001:db8::7", 4000), ("2001:db8::1", 22), ("fd00::13", 80), ("2001:db8::7", 4000)),
    ],
)
def test_an_entry_says_what_was_sent_and_what_answers_it(entry: Translated) -> None:
    body = b"\x02\x00\x00\x00" + ends(1, *entry[:2]) + ends(2, *entry[2:])
    assert conntrack.parse(body) == entry


@given(st.binary(max_size=300))
def test_any_bytes_are_an_entry_or_none(data: bytes) -> None:
    conntrack.parse(data)
    conntrack.parse(b"\x02\x00\x00\x00" + pack_attribute(1, data) + pack_attribute(2, data))


def test_a_connection_that_nobody_has_is_none_or_it_is_said_why_nobody_can_ask() -> None:
    """Rightless, or without the module, an agent must say so and not take it for "there is none"."""
    table = Conntrack()
    try:
        found = table.find("tcp", ("203.0.113.7", 1), ("203.0.113.8", 1))
    except KernelError as error:
        assert str(error).startswith("conntrack: ")
    else:
        assert found is None
    finally:
        table.close()


def test_where_no_connection_is_tracked_nobody_asks(tmp_path: pathlib.Path) -> None:
    """The question itself would load the module that answers it."""
    count = tmp_path / "count"
    assert not conntrack.is_tracking(str(count))
    for content, expected in (("0\n", False), ("3\n", True), ("?", False)):
        count.write_text(content)
        assert conntrack.is_tracking(str(count)) is expected
