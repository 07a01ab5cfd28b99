"""A card's image: which file systems are on it, and the files of each. Read by The Sleuth Kit; nothing is mounted.

What is on the card is somebody else's, maybe an attacker's: what the library makes of it is an answer or CannotLook.
"""

import posixpath
from dataclasses import dataclass
from typing import IO, Any

import pytsk3  # type: ignore[import-not-found]  # an extension module without types

from wachhund.robot_tree.files import CannotLook, Files, Place

SECTOR = 512
MAX_NAMES = 100_000  # of one folder
MAX_PARTITIONS = 128
_MAX_LINK_BYTES = 4096
_FOLDERS_KEPT = 1_000
_PACKED = {b"\xfd7zXZ\0": "xz", b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_LUKS = b"LUKS\xba\xbe"
_KINDS = {
    "ext": (pytsk3.TSK_FS_TYPE_EXT2, pytsk3.TSK_FS_TYPE_EXT3, pytsk3.TSK_FS_TYPE_EXT4),
    "FAT": (pytsk3.TSK_FS_TYPE_FAT12, pytsk3.TSK_FS_TYPE_FAT16, pytsk3.TSK_FS_TYPE_FAT32),
}
_TYPES = {
    pytsk3.TSK_FS_META_TYPE_REG: 0o100000,
    pytsk3.TSK_FS_META_TYPE_DIR: 0o040000,
    pytsk3.TSK_FS_META_TYPE_LNK: 0o120000,
}
_OTHER = 0o010000
_MARKS = ("/etc/os-release", "/etc/passwd", "/usr/lib/os-release", "/etc/debian_version")


@dataclass(frozen=True)
class FileSystem:
    """Where a file system begins, in bytes, and of what kind it is: "ext", "FAT", "encrypted" or "other"."""

    start: int
    kind: str


class Card(pytsk3.Img_Info):  # type: ignore[misc]  # the library has no types
    """An image as the library reads it: by its own file, so that no name of it means anything."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._size = stream, size
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def close(self) -> None:
        """The stream is its opener's."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the image; fewer at its end."""
        self._stream.seek(offset)
        return self._stream.read(size)

    def get_size(self) -> int:
        """Bytes."""
        return self._size


def file_systems(card: Card) -> list[FileSystem]:
    """What is on a card; one file system without a partition table is the only one.

    Raises CannotLook: no image of a card, or its partition table is damaged.
    """
    packed = next((name for magic, name in _PACKED.items() if card.read(0, len(magic)) == magic), None)
    if packed is not None:
        raise CannotLook("/", f"it is packed by {packed}: unpack it first")
    whole = _kind(card, 0)
    if whole != "other":
        return [FileSystem(0, whole)]
    try:
        parts = list(pytsk3.Volume_Info(card))[:MAX_PARTITIONS]
    except OSError:
        why = "no image of a card: it has no partition table and no file system that is known"
        raise CannotLook("/", why) from None
    starts = [part.start * SECTOR for part in parts if part.flags == pytsk3.TSK_VS_PART_FLAG_ALLOC]
    found = [FileSystem(start, _kind(card, start)) for start in starts if 0 < start < card.get_size()]
    if len(found) < len(starts):
        raise CannotLook("/", "the image is cut off, or its partition table is damaged: a partition lies outside")
    if not found:
        raise CannotLook("/", "its partition table is empty")
    return found


def _kind(card: Card, start: int) -> str:
    if card.read(start, len(_LUKS)) == _LUKS:
        return "encrypted"
    try:
        kind = pytsk3.FS_Info(card, offset=start).info.ftype
    except OSError:
        return "other"
    return next((name for name, types in _KINDS.items() if kind in types), "other")


class CardFiles:
    """Holds the files of one file system of a card. Raises CannotLook. `lacks_bytes`: of its end, which is cut off."""

    def __init__(self, card: Card, start: int) -> None:
        self._folders: dict[str, dict[str, int]] = {}
        with _Guarded("/"):
            self._system = pytsk3.FS_Info(card, offset=start)
            told = self._system.info
            self._root = int(told.root_inum)
            self.lacks_bytes = max(0, start + int(told.block_count) * int(told.block_size) - card.get_size())

    def place(self, path: str) -> Place | None:
        """What stands there, a link itself."""
        with _Guarded(path):
            number = self._number(path)
            if number is None:
                return None
            told = self._system.open_meta(number).info.meta
            return Place(_TYPES.get(told.type, _OTHER) | (int(told.mode) & 0o7777), int(told.uid), int(told.size))

    def target(self, path: str) -> str:
        """Where a link leads, as it is written."""
        return self.content(path, _MAX_LINK_BYTES).decode("utf-8", "backslashreplace")

    def names(self, path: str) -> list[str]:
        """What is in a folder."""
        with _Guarded(path):
            return list(self._children(path))

    def content(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file, or of a link's target."""
        with _Guarded(path):
            held = self._system.open_meta(self._number(path))
            told = held.info.meta
            if told.type == pytsk3.TSK_FS_META_TYPE_LNK and told.link is not None:
                return bytes(told.link)[:limit]
            size = min(int(told.size), limit)
            return bytes(held.read_random(0, size)) if size > 0 else b""

    def _number(self, path: str) -> int | None:
        """The number of the inode at a path that holds no link."""
        if path == "/":
            return self._root
        folder, name = posixpath.split(path)
        return self._children(folder).get(name)

    def _children(self, path: str) -> dict[str, int]:
        """Names in a folder and their inodes' numbers; empty for what is no folder. What was deleted is left out."""
        known = self._folders.get(path)
        if known is not None:
            return known
        number = self._number(path)
        found: dict[str, int] = {}
        if number is not None and self._system.open_meta(number).info.meta.type == pytsk3.TSK_FS_META_TYPE_DIR:
            for entry in self._system.open_dir(inode=number):
                name = entry.info.name
                if name.name in (b".", b"..") or name.flags != pytsk3.TSK_FS_NAME_FLAG_ALLOC:
                    continue
                if len(found) >= MAX_NAMES:
                    raise CannotLook(path, "it holds more names than any robot's folder")
                found[name.name.decode("utf-8", "backslashreplace").replace("/", "?")] = int(name.meta_addr)
        while len(self._folders) >= _FOLDERS_KEPT:
            self._folders.pop(next(iter(self._folders)))
        self._folders[path] = found
        return found


def root(card: Card) -> tuple[int, CardFiles]:
    """The file system that a machine starts from: where it begins, in bytes, and its files. Raises CannotLook."""
    damaged = None
    found = file_systems(card)
    for one in found:
        if one.kind != "ext":
            continue
        try:
            held = CardFiles(card, one.start)
            if any(Files(held).exists(mark) for mark in _MARKS):
                return one.start, held
        except CannotLook as error:
            damaged = error
    if damaged is not None:
        raise damaged
    if any(one.kind == "encrypted" for one in found):
        raise CannotLook("/", "the card is encrypted: open it where its key is, and use the folder it is mounted at")
    kinds = ", ".join(one.kind for one in found)
    raise CannotLook("/", f"no Linux system on it: its file systems are {kinds}; ext2, ext3 and ext4 are read")


class _Guarded:
    """Turns what the library raises over a damaged or hostile file system into CannotLook."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, (OSError, ValueError, OverflowError, AttributeError, TypeError, KeyError)):
            raise CannotLook(self._path, "the file system is damaged here") from None
