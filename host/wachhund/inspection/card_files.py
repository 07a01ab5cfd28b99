"""A robot's files in an ext4 file system of a card's image, read by the `ext4` library; nothing is mounted.

The file system is somebody else's, maybe an attacker's: whatever the library makes of it is an answer or CannotLook.
"""

import posixpath
from typing import IO, Any

import ext4

from wachhund.inspection.files import CannotLook, Place

MAX_NAMES = 100_000  # of one folder
_FOLDERS_KEPT = 1_000


class CardFiles:
    """Holds the files of one file system, which begins at `start` of the image. Raises CannotLook."""

    def __init__(self, image: IO[bytes], start: int) -> None:
        self._folders: dict[str, dict[str, int]] = {}
        with _Guarded("/"):
            self._volume = ext4.Volume(image, offset=start)
            self._children("/")

    def place(self, path: str) -> Place | None:
        """What stands there, a link itself."""
        with _Guarded(path):
            inode = self._inode(path)
            if inode is None:
                return None
            return Place(int(inode.i_mode), int(inode.i_uid), int(inode.i_size))

    def target(self, path: str) -> str:
        """Where a link leads, as it is written."""
        with _Guarded(path):
            return bytes(self._inode(path).readlink()).decode("utf-8", "backslashreplace")

    def names(self, path: str) -> list[str]:
        """What is in a folder."""
        with _Guarded(path):
            return [name for name in self._children(path) if name not in (".", "..")]

    def content(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file."""
        with _Guarded(path):
            return bytes(self._inode(path).open().read(limit))

    def _inode(self, path: str) -> Any:
        if path == "/":
            return self._volume.root
        folder, name = posixpath.split(path)
        number = self._children(folder).get(name)
        return None if number is None else self._volume.inodes[number]

    def _children(self, path: str) -> dict[str, int]:
        """Names in a folder and the numbers of their inodes; empty for what is no folder."""
        known = self._folders.get(path)
        if known is not None:
            return known
        folder = self._inode(path)
        found: dict[str, int] = {}
        if isinstance(folder, ext4.Directory):
            for entry, _ in folder.opendir():
                if len(found) >= MAX_NAMES:
                    raise CannotLook(path, "it holds more names than any robot's folder")
                found[bytes(entry.name_bytes).decode("utf-8", "backslashreplace")] = int(entry.inode)
        while len(self._folders) >= _FOLDERS_KEPT:
            self._folders.pop(next(iter(self._folders)))
        self._folders[path] = found
        return found


class _Guarded:
    """Turns whatever the library raises over a damaged or hostile file system into CannotLook."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (CannotLook, MemoryError)):
            why = " ".join(str(error).split())[:120]
            raise CannotLook(self._path, f"the file system is damaged here ({why or type(error).__name__})") from None
