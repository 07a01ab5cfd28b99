"""Records of utmp and its relatives, in both layouts that glibc writes."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel.utmp import SIZE_COMPAT, SIZE_TIME64, USER_PROCESS, native_size, parse_records, record_size


def record(size: int, kind: int = USER_PROCESS, user: bytes = b"pi", address: bytes = b"\xc0\0\2\7") -> bytes:
    head = struct.pack("=h2xi32s4s32s256shh", kind, 4711, b"pts/0", b"ts/0", user, b"robot", 0, 0)
    middle = struct.pack("=iII", 1, 1700000000, 5) if size == SIZE_COMPAT else struct.pack("=qqq", 1, 1700000000, 5)
    return (head + middle + address.ljust(16, b"\0")).ljust(size, b"\0")


def test_both_layouts_say_the_same() -> None:
    for size in (SIZE_COMPAT, SIZE_TIME64):
        one, two = parse_records(record(size) * 2 + b"half", size)
        assert one == two and (one.pid, one.line, one.user, one.address) == (4711, b"pts/0", b"pi", "192.0.2.7")
        assert one.seconds == 1700000000
        assert record_size(record(size) * 3) == size


def test_this_systems_own_size_counts_where_nothing_else_shows() -> None:
    assert record_size(b"") == native_size()


@given(st.binary(max_size=1300))
def test_any_bytes_are_records(data: bytes) -> None:
    for size in (SIZE_COMPAT, SIZE_TIME64):
        assert len(parse_records(data, size)) == len(data) // size
    record_size(data)
