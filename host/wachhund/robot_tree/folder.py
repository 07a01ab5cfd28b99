"""A robot's files in a folder of this machine: a card that is mounted, or what was copied from one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from wachhund.robot_tree.files import CannotLook, Place
from wachhund_evidence import MisuseError

_PIECE = 1 << 20


class Folder:
    """Holds the files below a folder. Every step is opened by itself, so that a link swapped in leads nowhere."""

    def __init__(self, root: Path) -> None:
        try:
            self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise MisuseError(f"audit: {root}: {error.strerror}: give a folder that holds a robot's files") from None

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._root)

    def place(self, path: str) -> Place | None:
        """What stands there, a link itself."""
        try:
            with self._folder_of(path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CannotLook(path, error.strerror or "can't be read") from None
        return Place(found.st_mode, found.st_uid, found.st_size)

    def target(self, path: str) -> str:
        """Where a link leads, as it is written."""
        try:
            with self._folder_of(path) as (folder, name):
                return os.fsdecode(os.readlink(name, dir_fd=folder))
        except OSError as error:
            raise CannotLook(path, error.strerror or "can't be read") from None

    def names(self, path: str) -> list[str]:
        """What is in a folder."""
        with self._opened(path, os.O_DIRECTORY) as opened:
            return [entry.name for entry in os.scandir(opened)]

    def content(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file."""
        parts: list[bytes] = []
        # A pipe or a device that was put in a file's place must not hold us up.
        with self._opened(path, os.O_NONBLOCK) as opened:
            while limit and (part := os.read(opened, min(limit, _PIECE))):
                parts.append(part)
                limit -= len(part)
        return b"".join(parts)

    @contextlib.contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        try:
            with self._folder_of(path) as (folder, name):
                opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
            try:
                yield opened
            finally:
                os.close(opened)
        except OSError as error:
            raise CannotLook(path, error.strerror or "can't be read") from None

    @contextlib.contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder that holds a path's last name, and that name."""
        *folders, name = [part for part in path.split("/") if part] or ["."]
        at = os.dup(self._root)
        try:
            for folder in folders:
                below = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = below
            yield at, name
        finally:
            os.close(at)
