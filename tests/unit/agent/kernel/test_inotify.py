"""What happens to files: real events of the kernel, and a parser that takes any bytes."""

import os
import pathlib
import select
import struct
from typing import Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel import inotify
from wachhund_agent.kernel.inotify import Event, Inotify, parse_events

ALL = inotify.CREATE | inotify.DELETE | inotify.CLOSE_WRITE | inotify.MOVED_FROM | inotify.MOVED_TO


@pytest.fixture
def queue() -> Iterator[Inotify]:
    made = Inotify()
    yield made
    made.close()


def masks(events: List[Event], name: bytes) -> List[int]:
    return [event.mask for event in events if event.name == name]


def test_each_step_of_a_file_is_told(queue: Inotify, tmp_path: pathlib.Path) -> None:
    wd = queue.watch(tmp_path, ALL | inotify.ONLYDIR)
    assert wd is not None and queue.read() == []
    odd = os.fsdecode(b"odd\xff\nname")
    (tmp_path / odd).write_text("x")
    (tmp_path / odd).rename(tmp_path / "new")
    (tmp_path / "new").unlink()
    (tmp_path / "folder").mkdir()
    assert select.select([queue.fd], [], [], 5)[0], "a selector hears of it"
    events = queue.read()
    assert {event.wd for event in events} == {wd}
    assert masks(events, b"odd\xff\nname") == [inotify.CREATE, inotify.CLOSE_WRITE, inotify.MOVED_FROM]
    assert masks(events, b"new") == [inotify.MOVED_TO, inotify.DELETE]
    assert masks(events, b"folder") == [inotify.CREATE | inotify.ISDIR]
    moved = [event.cookie for event in events if event.mask & (inotify.MOVED_FROM | inotify.MOVED_TO)]
    assert len(set(moved)) == 1 and moved[0]
    assert queue.read() == []


def test_a_watch_that_ended_is_silent(queue: Inotify, tmp_path: pathlib.Path) -> None:
    wd = queue.watch(str(tmp_path), ALL)
    assert wd is not None
    queue.forget(wd)
    (tmp_path / "late").write_text("x")
    assert queue.read() == [Event(wd, inotify.IGNORED, 0, b"")]
    queue.forget(wd)
    queue.forget(-5)


def test_what_can_not_be_watched_is_none_and_says_why(queue: Inotify, tmp_path: pathlib.Path) -> None:
    assert queue.watch(tmp_path / "missing", ALL) is None and os.strerror(queue.error) == os.strerror(2)
    (tmp_path / "file").write_text("x")
    assert queue.watch(tmp_path / "file", ALL | inotify.ONLYDIR) is None
    assert queue.watch(b"a\x00b", ALL) is None


def test_an_overflow_is_told_and_counted(queue: Inotify, tmp_path: pathlib.Path) -> None:
    limit = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    queue.watch(tmp_path, inotify.OPEN | inotify.CLOSE_NOWRITE)
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    # Two files in turn: the kernel joins an event to an equal one before it.
    for _ in range(limit // 4 + 2):
        for name in ("a", "b"):
            os.close(os.open(str(tmp_path / name), os.O_RDONLY))
    told = queue.read()
    while not told[-1].mask & inotify.Q_OVERFLOW:
        more = queue.read()
        assert more, "the overflow is the last event"
        told = more
    assert told[-1].wd == -1 and queue.overflow == 1


def test_a_closed_queue_stays_closed(tmp_path: pathlib.Path) -> None:
    queue = Inotify()
    queue.close()
    queue.close()
    assert queue.read() == [] and queue.watch(tmp_path, ALL) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    for event in parse_events(data):
        assert b"\x00" not in event.name


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 2**31 - 1),
            st.integers(0, 2**32 - 1),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=255).map(lambda name: name.replace(b"\x00", b"x")),
        ),
        max_size=8,
    ),
    st.integers(0, 15),
)
def test_every_whole_event_is_found(wanted: List[Event], padding: int) -> None:
    data = b""
    for wd, mask, cookie, name in wanted:
        padded = name + b"\x00" * padding
        data += struct.pack("=iIII", wd, mask, cookie, len(padded)) + padded
    assert parse_events(data) == [tuple(event) for event in wanted]
    if data:
        assert parse_events(data[:-1]) == [tuple(event) for event in wanted[:-1]]
