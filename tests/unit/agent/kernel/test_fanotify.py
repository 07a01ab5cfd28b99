"""Who opens what: real events of the kernel, and a parser that takes any bytes."""

import os
import pathlib
import select
import stat
import struct
import subprocess
from typing import Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel import fanotify
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.fanotify import Event, Fanotify, parse_events


@pytest.fixture
def group() -> Iterator[Fanotify]:
    made = Fanotify()
    yield made
    made.close()


@pytest.mark.needs_root("a fanotify group and a device node")
def test_an_open_and_a_close_of_a_device_node_are_told_with_their_process(
    group: Fanotify, tmp_path: pathlib.Path
) -> None:
    node, other = tmp_path / "video0", tmp_path / "video1"
    for path in (node, other):
        os.mknod(str(path), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    first, second = group.mark(node), group.mark(str(other))
    assert first and second and first != second and group.read() == []
    fd = os.open(str(node), os.O_RDWR)
    assert select.select([group.fd], [], [], 5)[0], "a selector hears of it"
    assert group.read() == [Event(fanotify.OPEN, os.getpid(), first)]
    os.close(fd)
    assert group.read() == [Event(fanotify.CLOSE_WRITE, os.getpid(), first)]
    with subprocess.Popen(["cat", str(other)], stdout=subprocess.DEVNULL) as child:
        child.wait(10)
    told: List[Event] = group.read()
    assert {(event.pid, event.handle) for event in told} == {(child.pid, second)}
    mask = 0
    for event in told:
        mask |= event.mask
    assert mask == fanotify.OPEN | fanotify.CLOSE_NOWRITE
    group.forget(other)
    os.close(os.open(str(other), os.O_RDONLY))
    assert group.read() == []


@pytest.mark.needs_root("a fanotify group")
def test_what_can_not_be_marked_is_none_and_says_why(group: Fanotify, tmp_path: pathlib.Path) -> None:
    assert group.mark(tmp_path / "missing") is None and os.strerror(group.error) == os.strerror(2)
    assert group.mark(b"a\x00b") is None
    assert group.mark("/proc/self/stat") is None, "files of /proc have no ids"
    group.forget(tmp_path / "missing")
    group.forget(b"a\x00b")
    group.close()
    group.close()
    assert group.read() == []


def test_a_group_opens_or_says_that_it_may_not() -> None:
    """Newer kernels let an ordinary user have one, older ones do not."""
    try:
        Fanotify().close()
    except KernelError as refused:
        assert "fanotify" in str(refused)


def test_a_tail_that_is_no_whole_event_is_left_out() -> None:
    whole = struct.pack("=IBBHQii", 24, 3, 0, 24, fanotify.Q_OVERFLOW, -1, 0)
    assert parse_events(whole + whole[:20]) == [Event(fanotify.Q_OVERFLOW, 0, b"")]
    assert parse_events(struct.pack("=IBBHQii", 23, 3, 0, 24, 0, -1, 0)) == []
    assert parse_events(struct.pack("=IBBHQii", 24, 2, 0, 24, 0, -1, 0)) == [], "another version of the layout"


_HEAD = st.builds(
    lambda length, mask, pid, info: struct.pack("=IBBHQii", length, 3, 0, 24, mask, -1, pid) + info,
    st.one_of(st.integers(20, 80), st.integers(0, 2**32 - 1)),
    st.integers(0, 2**64 - 1),
    st.integers(-5, 2**31 - 1),
    st.binary(max_size=60),
)


@given(st.one_of(st.binary(), st.lists(_HEAD).map(b"".join)))
def test_no_bytes_make_the_parser_fail(data: bytes) -> None:
    for event in parse_events(data):
        assert event.pid >= 0
