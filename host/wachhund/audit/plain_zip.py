"""A ZIP file in one form only: stored, never compressed, every byte of it defined by names and contents.

Any unzip opens it. Read here, a byte that is not as `write` would have written it is refused: so nothing hides between
the parts, no two readers see different ones, and nothing inflates. Layout: PKWARE APPNOTE 6.3.10, 4.3.7, 4.3.12 and
4.3.16; no ZIP64, no extra fields, no comment, every date 1980-01-01.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from wachhund_evidence import MisuseError

MAX_ZIP_BYTES = 2**31 - 1  # offsets of plain ZIP reach twice as far; half leaves no doubt about signs
MAX_PARTS = 128
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,60}\.(?:jsonl|json|jws|txt)", re.ASCII)
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_DATE = 0x21  # 1980-01-01, as MS-DOS counts
_VERSION, _MADE_BY = 20, 3 << 8 | 20  # 2.0; on Unix
_RIGHTS = 0o100600 << 16
_CHUNK = 256 * 1024


class NotPlain(MisuseError):
    """The file is no ZIP, or none in this form. The text says what is wrong."""


@dataclass(frozen=True)
class Part:
    """One part: its name, bytes, their CRC-32, and where its local header begins."""

    name: str
    size: int
    crc: int
    offset: int

    @property
    def start(self) -> int:
        """Where its content begins."""
        return self.offset + _LOCAL.size + len(self.name)

    def local(self) -> bytes:
        """The header before its content."""
        name = self.name.encode("ascii")
        facts = (self.crc, self.size, self.size, len(name), 0)
        return _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, 0, _DATE, *facts) + name

    def central(self) -> bytes:
        """Its line in the directory at the end."""
        name = self.name.encode("ascii")
        facts = (self.crc, self.size, self.size, len(name), 0, 0, 0, 0, _RIGHTS, self.offset)
        return _CENTRAL.pack(b"PK\x01\x02", _MADE_BY, _VERSION, 0, 0, 0, _DATE, *facts) + name


class PlainZipWriter:
    """Writes parts one after the other into a file that can seek. `begin` ends the part before; `close` the last."""

    def __init__(self, stream: IO[bytes], limit: int = MAX_ZIP_BYTES) -> None:
        """`limit`: bytes beyond which it raises NotPlain."""
        self._stream, self._limit = stream, min(limit, MAX_ZIP_BYTES)
        self._done: list[Part] = []
        self._open: Part | None = None
        self.size = 0

    def begin(self, name: str) -> None:
        """Begin a part. Raises NotPlain for a name that this form does not have, and when there are too many."""
        self._end_part()
        if _NAME.fullmatch(name) is None or any(part.name == name for part in self._done):
            raise NotPlain(f"part {name!r}: no name for a part")
        if len(self._done) >= MAX_PARTS:
            raise NotPlain(f"more than {MAX_PARTS} parts")
        self._open = Part(name, 0, 0, self.size)
        self._put(self._open.local())

    def write(self, data: bytes) -> None:
        """Add to the part. Raises NotPlain beyond the largest size."""
        if self._open is None:
            raise NotPlain("no part was begun")
        part = self._open
        self._open = Part(part.name, part.size + len(data), zlib.crc32(data, part.crc), part.offset)
        self._put(data)

    def close(self) -> None:
        """Write the directory. The stream stays open."""
        self._end_part()
        at, directory = self.size, b"".join(part.central() for part in self._done)
        count = len(self._done)
        self._put(directory + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), at, 0))

    def _put(self, data: bytes) -> None:
        if self.size + len(data) > self._limit:
            raise NotPlain(f"larger than {self._limit // 1024**2} MiB")
        self._stream.write(data)
        self.size += len(data)

    def _end_part(self) -> None:
        part = self._open
        if part is None:
            return
        self._stream.seek(part.offset)
        self._stream.write(part.local())
        self._stream.seek(self.size)
        self._done.append(part)
        self._open = None


def plain_zip_of(parts: Mapping[str, bytes]) -> bytes:
    """These parts as a file. Raises NotPlain."""
    stream = io.BytesIO()
    writer = PlainZipWriter(stream)
    for name, content in parts.items():
        writer.begin(name)
        writer.write(content)
    writer.close()
    return stream.getvalue()


class PlainZip:
    """A file in this form, open for reading. Raises NotPlain at once for any other."""

    def __init__(self, path: Path) -> None:
        try:
            self._stream = path.open("rb")
        except OSError as error:
            raise NotPlain(f"{error.strerror}") from None
        try:
            self.parts = self._directory()
        except OSError as error:
            self._stream.close()
            raise NotPlain(f"{error.strerror}") from None
        except NotPlain:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def part(self, name: str) -> Part | None:
        """The part of that name."""
        return next((part for part in self.parts if part.name == name), None)

    def chunks(self, part: Part) -> Iterator[bytes]:
        """Its content, a piece at a time. Raises NotPlain at the end when it is not what its CRC-32 says."""
        at, left, crc = part.start, part.size, 0
        while left:
            self._stream.seek(at)
            data = self._stream.read(min(left, _CHUNK))
            if not data:
                raise NotPlain(f"{part.name}: cut off")
            at, left, crc = at + len(data), left - len(data), zlib.crc32(data, crc)
            yield data
        if crc != part.crc:
            raise NotPlain(f"{part.name}: altered (its CRC-32 is another)")

    def contents(self, limit: int) -> dict[str, bytes]:
        """Every part by its name, in order. Raises NotPlain when one is larger than `limit` bytes."""
        return {part.name: self.content(part, limit) for part in self.parts}

    def content(self, part: Part, limit: int) -> bytes:
        """All of it. Raises NotPlain when it is larger than `limit` bytes."""
        if part.size > limit:
            raise NotPlain(f"{part.name}: larger than {limit} bytes")
        return b"".join(self.chunks(part))

    def _directory(self) -> tuple[Part, ...]:
        stream = self._stream
        size = stream.seek(0, 2)
        if not _END.size <= size <= MAX_ZIP_BYTES:
            raise NotPlain("not a ZIP file, or larger than 2 GiB")
        stream.seek(size - _END.size)
        end = stream.read(_END.size)
        mark, *_, count, length, at, _ = _END.unpack(end)
        if mark != b"PK\x05\x06":
            raise NotPlain("not a ZIP file in this form: it is cut off, or something follows it")
        if not 0 < count <= MAX_PARTS or length > MAX_PARTS * (_CENTRAL.size + 64) or at + length + len(end) != size:
            raise NotPlain("its directory is not where it belongs, or names too many parts")
        stream.seek(at)
        directory = stream.read(length)
        parts = tuple(_parts(directory))
        whole = b"".join(part.central() for part in parts)
        if whole != directory or end != _END.pack(b"PK\x05\x06", 0, 0, len(parts), len(parts), length, at, 0):
            raise NotPlain("its directory is not in the one form")
        place = 0
        for part in parts:
            stream.seek(place)
            if part.offset != place or stream.read(_LOCAL.size + len(part.name)) != part.local():
                raise NotPlain(f"{part.name}: not where its directory says, or its header is another")
            place = part.start + part.size
        if place != at:
            raise NotPlain("something lies between its parts and its directory")
        if len({part.name for part in parts}) != len(parts):
            raise NotPlain("two parts have one name")
        return parts


def _parts(directory: bytes) -> Iterator[Part]:
    at = 0
    while at < len(directory):
        if len(directory) - at < _CENTRAL.size:
            raise NotPlain("its directory is cut off")
        fields = _CENTRAL.unpack_from(directory, at)
        crc, size, length, offset = fields[7], fields[9], fields[10], fields[16]
        name = directory[at + _CENTRAL.size : at + _CENTRAL.size + length]
        if not name.isascii() or _NAME.fullmatch(name.decode("ascii")) is None:
            raise NotPlain("a part has a name that is none of ours")
        yield Part(name.decode("ascii"), size, crc, offset)
        at += _CENTRAL.size + length
