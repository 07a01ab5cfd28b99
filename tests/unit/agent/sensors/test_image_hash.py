"""Hashes of what runs: programs and scripts, once each, a slice at a time, and never a pipe."""

import hashlib
import os
from pathlib import Path
from typing import List

from wachhund_agent.sensors.image_hash import FILES_WAITING, SLICE_BYTES, Hashed, ImageHasher


def done(hasher: ImageHasher) -> List[Hashed]:
    found: List[Hashed] = []
    while not hasher.is_idle:
        found += hasher.work()
    return found


def test_a_script_is_hashed_whole_and_once(tmp_path: Path) -> None:
    script = tmp_path / "walk.sh"
    script.write_bytes(b"x" * (SLICE_BYTES + 7))
    wanted = hashlib.sha256(script.read_bytes()).hexdigest()
    hasher = ImageHasher()
    assert hasher.ask_script(os.getpid(), "1-1", str(script)) is None
    assert done(hasher) == [Hashed("1-1", str(script), wanted, True)]
    assert hasher.ask_script(os.getpid(), "2-2", str(script)) == wanted


def test_a_pipe_a_folder_and_nothing_are_no_script_and_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(str(tmp_path / "pipe"))
    hasher = ImageHasher()
    for name in ("pipe", ".", "none", "a\0b"):
        assert hasher.ask_script(os.getpid(), "1-1", str(tmp_path / name)) is None
    assert hasher.is_idle


def test_the_file_behind_dev_fd_is_the_processes_own_and_not_ours(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"echo")
    with (tmp_path / "s").open("rb") as file:
        hasher = ImageHasher()
        hasher.ask_script(os.getpid(), "1-1", "/dev/fd/{}".format(file.fileno()))
        assert [hashed.sha256 for hashed in done(hasher)] == [hashlib.sha256(b"echo").hexdigest()]
    assert ImageHasher().ask_script(1 << 22, "1-1", "/dev/fd/0") is None


def test_a_crowd_of_files_waits_up_to_a_bound_and_the_rest_is_counted(tmp_path: Path) -> None:
    hasher = ImageHasher()
    for number in range(FILES_WAITING + 3):
        (tmp_path / str(number)).write_bytes(b"%d" % number)
        hasher.ask_script(os.getpid(), "1-1", str(tmp_path / str(number)))
    assert hasher.skipped == 3
    hasher.close()
    assert hasher.is_idle
