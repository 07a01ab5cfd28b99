"""Hashes of what runs: programs and scripts, once each, a slice at a time, and never a pipe."""

import hashlib
import os
from pathlib import Path
from typing import List

from wachhund_agent.sensors.image_hash import FILES_WAITING, NOTED, SLICE_BYTES, Hashed, ImageHasher


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


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def files(folder: Path, count: int) -> List[Path]:
    made = [folder / str(number) for number in range(count)]
    for number, path in enumerate(made):
        path.write_bytes(b"%d" % number)
    return made


def test_a_crowd_of_files_is_hashed_in_the_end_with_few_of_them_open(tmp_path: Path) -> None:
    """As at the agent's start, when all that runs is new to it."""
    hasher = ImageHasher()
    before = open_files()
    made = files(tmp_path, FILES_WAITING + 20)
    for path in made:
        hasher.ask_script(os.getpid(), "1-1", str(path))
    assert open_files() == before + FILES_WAITING
    made[-1].unlink()
    made[-2].write_bytes(b"something else")
    assert [hashed.path for hashed in done(hasher)] == [str(path) for path in made[:-2]]
    assert hasher.skipped == 2, "one is gone, one is another file now"
    assert open_files() == before


def test_beyond_a_bound_files_are_counted(tmp_path: Path) -> None:
    hasher = ImageHasher()
    for path in files(tmp_path, FILES_WAITING + NOTED + 3):
        hasher.ask_script(os.getpid(), "1-1", str(path))
    assert hasher.skipped == 3
    hasher.close()
    assert hasher.is_idle


def test_a_program_without_a_name_comes_before_a_crowd(tmp_path: Path) -> None:
    """Later it could not be opened any more."""
    hasher = ImageHasher()
    for path in files(tmp_path, FILES_WAITING + 20):
        hasher.ask_script(os.getpid(), "1-1", str(path))
    status = Path("/proc/self/exe").stat()
    image = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
    assert hasher.ask(os.getpid(), "2-2", "/memfd:x", image, nameless=True) is None
    told = done(hasher)
    assert [hashed.puid for hashed in told[:2]] == ["2-2", "1-1"] and len(told) == FILES_WAITING + 21


def test_a_file_that_waits_in_the_middle_is_hashed_whole(tmp_path: Path) -> None:
    """What goes ahead of a half read file must not end up in its hash."""
    half = tmp_path / "half"
    half.write_bytes(os.urandom(2 * SLICE_BYTES + 5))
    hasher = ImageHasher()
    hasher.ask_script(os.getpid(), "1-1", str(half))
    assert hasher.work() == []
    status = Path("/proc/self/exe").stat()
    image = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
    hasher.ask(os.getpid(), "2-2", "/memfd:x", image, nameless=True)
    told = done(hasher)
    assert [hashed.puid for hashed in told] == ["2-2", "1-1"]
    assert told[1].sha256 == hashlib.sha256(half.read_bytes()).hexdigest()
