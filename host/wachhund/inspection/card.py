"""A card's image: which file systems are on it, and where (MBR, and GPT by UEFI 2.10, 5.3)."""

import struct
from dataclasses import dataclass
from typing import IO

from wachhund.inspection.files import CannotLook

SECTOR = 512
_MBR_ENTRY = struct.Struct("<B3xB3xII")
_GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_GPT_ENTRY = struct.Struct("<16s16sQQ")
_PROTECTIVE, _EXTENDED = 0xEE, (0x05, 0x0F, 0x85)
_MAX_PARTITIONS = 128
_EXT_MAGIC_AT, _EXT_MAGIC = 0x438, b"\x53\xef"
_LUKS = b"LUKS\xba\xbe"


@dataclass(frozen=True)
class Partition:
    """Where a file system lies, in bytes, and of what kind it is: "ext", "fat", "encrypted" or "other"."""

    start: int
    size: int
    kind: str


def partitions(image: IO[bytes], size: int) -> list[Partition]:
    """What is on an image of that many bytes; one file system alone is taken as one partition.

    Raises CannotLook: it is no image of a card, or a table in it is damaged.
    """
    first = _at(image, 0, SECTOR)
    whole = _kind(image, 0)
    if whole != "other":
        return [Partition(0, size, whole)]
    if len(first) < SECTOR or first[510:512] != b"\x55\xaa":
        raise CannotLook("/", "no image of a card: it has no partition table and no file system that is known")
    entries = [_MBR_ENTRY.unpack_from(first, 446 + 16 * number) for number in range(4)]
    if any(kind == _PROTECTIVE for _, kind, _, _ in entries):
        places = _gpt(image)
    else:
        places = [(start * SECTOR, count * SECTOR) for _, kind, start, count in entries if kind and kind not in _EXTENDED]
    found = []
    for start, length in places:
        if start < SECTOR or length <= 0 or start >= size:
            raise CannotLook("/", "the image is cut off, or its partition table is damaged: a partition lies outside")
        found.append(Partition(start, min(length, size - start), _kind(image, start)))
    if not found:
        raise CannotLook("/", "its partition table is empty")
    return found


def _gpt(image: IO[bytes]) -> list[tuple[int, int]]:
    raw = _at(image, SECTOR, _GPT_HEADER.size)
    if len(raw) < _GPT_HEADER.size or not raw.startswith(b"EFI PART"):
        raise CannotLook("/", "its partition table is damaged: no GPT where there should be one")
    *_, table, count, width, _ = _GPT_HEADER.unpack(raw)
    if not (_GPT_ENTRY.size <= width <= 4096 and count <= _MAX_PARTITIONS):
        raise CannotLook("/", "its partition table is damaged: GPT entries of an odd size")
    found = []
    for number in range(count):
        entry = _at(image, table * SECTOR + number * width, _GPT_ENTRY.size)
        if len(entry) == _GPT_ENTRY.size and any(entry[:16]):
            _, _, first, last = _GPT_ENTRY.unpack(entry)
            found.append((first * SECTOR, (last - first + 1) * SECTOR))
    return found


def _kind(image: IO[bytes], start: int) -> str:
    if _at(image, start + _EXT_MAGIC_AT, 2) == _EXT_MAGIC:
        return "ext"
    head = _at(image, start, SECTOR)
    if head.startswith(_LUKS):
        return "encrypted"
    if head[510:512] == b"\x55\xaa" and (head[54:59] in (b"FAT12", b"FAT16") or head[82:87] == b"FAT32"):
        return "fat"
    return "other"


def _at(image: IO[bytes], offset: int, size: int) -> bytes:
    try:
        image.seek(offset)
        return image.read(size)
    except (OSError, OverflowError, ValueError):
        return b""
