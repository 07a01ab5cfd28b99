"""Hears when something changes where files of given patterns lie or could come to lie.

inotify tells of what lies directly in a folder. So each folder on the way to a pattern is watched, for the next name on
that way only: a folder that is replaced or made later is noticed, and a busy one (/dev is some user's home) costs a
comparison of names.
"""

import fnmatch
import glob
import os
from typing import Dict, List, Optional, Set

from wachhund_agent.kernel import inotify
from wachhund_agent.kernel.inotify import Inotify

FOLDERS_WATCHED = 512
_EVENTS = inotify.CREATE | inotify.DELETE | inotify.MOVED_FROM | inotify.MOVED_TO | inotify.CLOSE_WRITE | inotify.ATTRIB


class FolderWatches:
    """`begin`, `cover` for each pattern, `end`; and again whenever `heard` says yes, because folders come and go.

    `refused`: a folder for which there was no watch left, None when all are watched.
    """

    def __init__(self) -> None:
        """Raises KernelError when the kernel has no inotify, or none left."""
        self.refused: Optional[str] = None
        self._queue = Inotify()
        self._wanted: Dict[int, Set[str]] = {}
        self._fresh: Dict[int, Set[str]] = {}
        self._folders: Dict[str, Optional[int]] = {}
        self._lacking: Optional[str] = None

    def begin(self) -> None:
        self._fresh, self._folders, self._lacking = {}, {}, None

    def cover(self, pattern: str) -> None:
        """`pattern`: an absolute glob of files."""
        self._lead("/", pattern.strip("/").split("/"))

    def end(self) -> None:
        """Watches on folders that no pattern leads through any more are given back."""
        for wd in set(self._wanted) - set(self._fresh):
            self._queue.forget(wd)
        self._wanted, self.refused = self._fresh, self._lacking

    def heard(self) -> bool:
        """Has something happened to a name that a pattern asks for? Or may have: the kernel's queue was full."""
        told = {(event.wd, event.name, event.mask & inotify.Q_OVERFLOW) for event in self._queue.read()}
        return any(overflow or self._is_wanted(wd, os.fsdecode(name)) for wd, name, overflow in told)

    def close(self) -> None:
        self._queue.close()

    def _is_wanted(self, wd: int, name: str) -> bool:
        patterns = self._fresh.get(wd, set()) | self._wanted.get(wd, set())
        # As the shell has it, a star does not stand for a leading dot.
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns if pattern[:1] == "." or name[:1] != ".")

    def _lead(self, folder: str, parts: List[str]) -> None:
        if folder not in self._folders:
            room = len(self._fresh) < FOLDERS_WATCHED
            self._folders[folder] = self._queue.watch(folder, _EVENTS | inotify.ONLYDIR) if room else None
        wd = self._folders[folder]
        if wd is None:
            self._lacking = folder
        else:
            self._fresh.setdefault(wd, set()).add(parts[0])
        if len(parts) > 1:
            for deeper in glob.glob(os.path.join(glob.escape(folder), parts[0])):
                if os.path.isdir(deeper):
                    self._lead(deeper, parts[1:])
