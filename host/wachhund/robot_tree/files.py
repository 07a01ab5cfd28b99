"""A robot's files, read without trusting them: whatever holds them, links lead nowhere outside, and all is bounded.

What holds them (a folder, an archive, a card's file system) only answers for one place without following any link;
links are followed here, within the robot's own tree, as the robot itself would.
"""

import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from wachhund.judge.wording import shown
from wachhund_evidence import WachhundError

MAX_LINKS = 40  # followed for one path, as Linux does
MAX_FILE_BYTES = 8 << 20  # of one file that is read as text
MAX_BYTES = 1 << 30  # of all files together
MAX_LOOKS = 2_000_000  # places asked for


class CannotLook(WachhundError):
    """A place that can't be looked at: `path` and why. It is told as not seen."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{shown(path, 200)}: {why}")


class TooMuch(WachhundError):
    """A tree that is larger than any robot's: the audit ends."""


@dataclass(frozen=True)
class Place:
    """What stands at a path. `mode`: as stat(2) has it, type and permissions; `size` in bytes."""

    mode: int
    uid: int
    size: int

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class Holder(Protocol):
    """What holds the files. Paths are absolute, normal, and hold no link but maybe at their end.

    Each raises CannotLook; for what does not exist, `place` answers None, and the others are not asked.
    """

    def place(self, path: str) -> Place | None:
        """What stands there, a link itself."""

    def target(self, path: str) -> str:
        """Where a link leads, as it is written."""

    def names(self, path: str) -> list[str]:
        """What is in a folder, in no order."""

    def content(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file."""


class Files:
    """The robot's tree as a question asks it. Missing and out of reach are told apart: None, and CannotLook."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._bytes = self._looks = 0

    def real(self, path: str) -> str | None:
        """The same place with every link followed; None when there is nothing."""
        parts, at, links = _parts(path), "/", 0
        parts.reverse()
        while parts:
            name = parts.pop()
            if name == "..":
                at = posixpath.dirname(at)
                continue
            below = posixpath.join(at, name)
            place = self._place(below)
            if place is None:
                return None
            if not place.is_link:
                at = below
                continue
            links += 1
            if links > MAX_LINKS:
                raise CannotLook(path, "its links lead round in circles")
            target = self._holder.target(below)
            if target.startswith("/"):
                at = "/"
            parts += reversed(_parts(target))
        return at

    def place(self, path: str) -> Place | None:
        """What stands at a path, links followed."""
        real = self.real(path)
        return None if real is None else self._place(real)

    def itself(self, path: str) -> Place | None:
        """What stands at a path, where that is a link the link; None when there is nothing."""
        at = self._named(path)
        return None if at is None else self._place(at)

    def target(self, path: str) -> str:
        """Where the link at a path leads, as it is written. Raises CannotLook where nothing stands."""
        at = self._named(path)
        if at is None or self._place(at) is None:
            raise CannotLook(path, "nothing stands there")
        return self._holder.target(at)

    def exists(self, path: str) -> bool:
        """Whether anything stands there."""
        return self.real(path) is not None

    def names(self, path: str) -> list[str]:
        """The names in a folder, in order; none when there is no such folder."""
        real = self.real(path)
        place = None if real is None else self._place(real)
        if real is None or place is None or not place.is_folder:
            return []
        return sorted(self._holder.names(real))

    def read(self, path: str, limit: int = MAX_FILE_BYTES) -> bytes | None:
        """A file's content, at most `limit` bytes; None when there is no such file."""
        real = self.real(path)
        place = None if real is None else self._place(real)
        if real is None or place is None or not place.is_file:
            return None
        data = self._holder.content(real, limit)
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise TooMuch(f"more than {MAX_BYTES >> 20} MiB were to be read: this is no robot's card")
        return data

    def lines(self, path: str) -> list[str] | None:
        """A text's lines; None when there is no such file. Bytes that are no UTF-8 stand as codes."""
        data = self.read(path)
        return None if data is None else data.decode("utf-8", "backslashreplace").splitlines()

    def below(self, path: str, depth: int, most: int) -> Iterator[tuple[str, Place]]:
        """Every place below a folder to a depth, in order, at most `most`; links are not followed. No link's folder."""
        real = self.real(path)
        waiting = [] if real is None else [(real, depth)]
        while waiting:
            at, left = waiting.pop()
            for name in sorted(self._holder.names(at)):
                inner = posixpath.join(at, name)
                place = self._place(inner)
                if place is None:
                    continue
                most -= 1
                if most < 0:
                    raise CannotLook(path, "it holds more than is looked at")
                yield inner, place
                if place.is_folder and left > 1:
                    waiting.append((inner, left - 1))

    def _named(self, path: str) -> str | None:
        """A path whose folder is followed, and whose last name is not."""
        folder, name = posixpath.split(path)
        real = self.real(folder)
        return None if real is None else posixpath.join(real, name)

    def _place(self, path: str) -> Place | None:
        self._looks += 1
        if self._looks > MAX_LOOKS:
            raise TooMuch(f"more than {MAX_LOOKS:,} places were to be looked at: this is no robot's card")
        return self._holder.place(path)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
