"""The few file operations on which it hangs that nothing is lost in a power cut.

In one place, so that a test can write down what is done, and look at what a disk may hold if the power goes in between
(tests/robots/power_cut.py). What a file holds is on disk after `sync`; that it has a name, or none any more, only after
`sync_folder`.
"""

import contextlib
import os
from pathlib import Path
from typing import List

NEW = ".new"  # the end of the name that a file has until it is whole


class Disk:
    """The real thing. Raises OSError."""

    def create(self, path: Path, mode: int = 0o600) -> int:
        """A new, empty file, to be written from its begin; one of that name goes (it may have another name as well)."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(str(path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
        return os.open(str(path), flags, mode)

    def write(self, fd: int, data: bytes) -> None:
        """All of it at the file's end, or OSError: then some of it may stand there."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        os.close(fd)

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def read_part(self, path: Path, begin: int, size: int) -> bytes:
        fd = os.open(str(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, size, begin)
        finally:
            os.close(fd)

    def names(self, folder: Path) -> List[str]:
        """What lies in a folder, in order; nothing where there is none."""
        try:
            return sorted(os.listdir(str(folder)))
        except FileNotFoundError:
            return []

    def make_folder(self, folder: Path) -> None:
        """For its owner only, if there is none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def rename(self, path: Path, to: Path) -> None:
        """In the place of what had that name."""
        os.rename(str(path), str(to))

    def link(self, path: Path, to: Path) -> None:
        """A second name. FileExistsError when there is one."""
        os.link(str(path), str(to))

    def unlink(self, path: Path) -> None:
        os.unlink(str(path))

    def sync_folder(self, folder: Path) -> None:
        fd = os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def unfinished(path: Path) -> Path:
    """The name that a file has until it is whole."""
    return path.with_name(path.name + NEW)


def replace(path: Path, data: bytes, disk: Disk) -> None:
    """The file holds what it held, or all of `data`, whenever the power goes; after this, `data`. Raises OSError."""
    _whole(path, data, disk, 0o600)
    disk.rename(unfinished(path), path)
    disk.sync_folder(path.parent)


def make(path: Path, data: bytes, disk: Disk, mode: int = 0o600) -> None:
    """The same for a file that may not be there yet. Raises FileExistsError, OSError."""
    _whole(path, data, disk, mode)
    try:
        disk.link(unfinished(path), path)
    finally:
        disk.unlink(unfinished(path))
    disk.sync_folder(path.parent)


def _whole(path: Path, data: bytes, disk: Disk, mode: int) -> None:
    fd = disk.create(unfinished(path), mode)
    try:
        try:
            disk.write(fd, data)
            disk.sync(fd)
        finally:
            disk.close(fd)
    except OSError:
        disk.unlink(unfinished(path))
        raise
