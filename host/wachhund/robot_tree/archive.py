"""A robot's files in a tar archive, as a robot sends it: read once, in order, and kept in memory within bounds."""

import posixpath
import tarfile
from collections.abc import Mapping
from typing import IO

from wachhund.robot_tree.files import CannotLook, Place

MAX_ENTRIES = 300_000
MAX_KEPT_BYTES = 256 << 20
_TYPES = {tarfile.DIRTYPE: 0o040000, tarfile.SYMTYPE: 0o120000}
_FILE, _OTHER = 0o100000, 0o010000


class Archive:
    """Holds what an archive held. Names that climb are taken as within the tree; what is no file, folder or link is
    only named. Raises CannotLook for an archive that is none, or too large.

    `unread`: what the robot could not read, and why. `lost`: why the archive ends before its end, if it does: then what
    is not in it may be there, and so may more in the folder that was being sent.
    """

    def __init__(self, stream: IO[bytes], unread: Mapping[str, str] | None = None, lost: str | None = None) -> None:
        self._unread, self._lost, self._last = dict(unread or {}), lost, "/"
        self._places: dict[str, Place] = {"/": Place(0o040755, 0, 0)}
        self._contents: dict[str, bytes] = {}
        self._targets: dict[str, str] = {}
        self._names: dict[str, set[str]] = {"/": set()}
        left = MAX_KEPT_BYTES
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for number, member in enumerate(archive):
                    path = posixpath.normpath(posixpath.join("/", member.name)).replace("//", "/")
                    left -= member.size if member.isreg() else 0
                    if number >= MAX_ENTRIES or left < 0:
                        raise CannotLook(path, "the robot sent more than is taken")
                    self._take(archive, member, path)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            if lost is None or self._last == "/":
                raise CannotLook("/", f"what came is no archive, or was cut off: {error}") from None

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        kind = _FILE if member.isreg() or member.islnk() else _TYPES.get(member.type, _OTHER)
        content = b""
        if member.islnk():
            content = self._contents.get(posixpath.normpath(posixpath.join("/", member.linkname)), b"")
        elif member.isreg():
            stream = archive.extractfile(member)
            content = stream.read() if stream is not None else b""
        if kind == _FILE:
            self._contents[path] = content
        elif member.issym():
            self._targets[path] = member.linkname
        self._places[path] = Place(kind | (member.mode & 0o7777), member.uid, len(content))
        self._last = path
        while path != "/":
            folder, name = posixpath.split(path)
            self._places.setdefault(folder, Place(0o040755, 0, 0))
            self._names.setdefault(folder, set()).add(name)
            path = folder

    def place(self, path: str) -> Place | None:
        """What stands there, a link itself."""
        found = self._places.get(path)
        if path in self._unread:
            raise CannotLook(path, self._unread[path])
        if found is None and self._lost is not None:
            raise CannotLook(path, self._lost)
        return found

    def target(self, path: str) -> str:
        """Where a link leads, as it is written."""
        return self._targets.get(path, "")

    def names(self, path: str) -> list[str]:
        """What is in a folder."""
        if self._lost is not None and (self._last + "/").startswith(path.rstrip("/") + "/"):
            raise CannotLook(path, self._lost)
        return list(self._names.get(path, ()))

    def content(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file."""
        return self._contents.get(path, b"")[:limit]
