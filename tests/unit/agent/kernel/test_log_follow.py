"""A log is followed by its name through rotation, truncation and deletion."""

import os
from pathlib import Path

import pytest

from wachhund_agent.kernel.log_follow import DELETED, LOOK_BYTES, TRUNCATED, LogFollower


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    path.write_bytes(b"old\n")
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_what_stood_there_is_no_news_and_half_a_line_waits(log: Path) -> None:
    follower = LogFollower(log)
    follower.start()
    append(log, b"one\ntw")
    assert follower.look().data == b"one\n"
    append(log, b"o\n")
    assert follower.look().data == b"two\n"
    follower.close()


def test_a_rotation_loses_no_line_and_is_no_news(log: Path) -> None:
    follower = LogFollower(log)
    follower.start()
    append(log, b"before\n")
    log.rename(str(log) + ".1")
    append(Path(str(log) + ".1"), b"late\n")
    append(log, b"after\n")
    looks = [follower.look() for _ in range(3)]
    assert b"".join(look.data for look in looks) == b"before\nlate\nafter\n"
    assert all(look.change is None for look in looks)
    follower.close()


def test_a_log_that_is_emptied_is_told(log: Path) -> None:
    follower = LogFollower(log)
    follower.start()
    append(log, b"evidence\n")
    follower.look()
    log.write_bytes(b"")
    assert follower.look().change == TRUNCATED
    append(log, b"new\n")
    assert follower.look().data == b"new\n"
    follower.close()


def test_a_log_that_is_deleted_is_told_and_a_new_one_followed(log: Path) -> None:
    follower = LogFollower(log)
    follower.start()
    log.unlink()
    assert follower.look().change == DELETED
    assert follower.why == "is missing"
    append(log, b"new\n")
    assert follower.look().data == b"new\n"
    follower.close()


def test_a_flood_is_read_in_bounded_pieces(log: Path) -> None:
    follower = LogFollower(log)
    follower.start()
    append(log, b"x" * 99 + b"\n")
    append(log, (b"y" * 99 + b"\n") * (2 * LOOK_BYTES // 100))
    first = follower.look().data
    assert len(first) <= LOOK_BYTES and len(first) + len(follower.look().data) + len(follower.look().data) > LOOK_BYTES
    follower.close()


def test_a_pipe_in_its_place_does_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(str(tmp_path / "log"))
    follower = LogFollower(tmp_path / "log")
    follower.start()
    assert follower.why == "is no file"
    follower.close()
