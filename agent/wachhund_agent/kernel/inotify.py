"""What happens to files and folders, told by the kernel as it happens: inotify(7).

Layout of the events: <sys/inotify.h>. A watch on a folder tells of what lies directly in it, not of what lies deeper.
The standard library has no call for it, so the C library's three are called through ctypes.
"""

import ctypes
import errno
import os
import struct
from typing import List, NamedTuple, Optional, Union

from wachhund_agent.kernel import event_queue
from wachhund_agent.kernel.error import KernelError

ACCESS, MODIFY, ATTRIB, CLOSE_WRITE, CLOSE_NOWRITE, OPEN = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
UNMOUNT, Q_OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000  # come without being asked for
ONLYDIR, DONT_FOLLOW, EXCL_UNLINK, MASK_ADD = 0x1000000, 0x2000000, 0x4000000, 0x20000000
ISDIR = 0x40000000  # what the event is about is a folder

_HEADER = struct.Struct("=iIII")  # wd, mask, cookie, length of the name with its padding


class Event(NamedTuple):
    """`wd`: the watch it came from (-1: the queue overflowed). `mask`: what happened, one bit and perhaps ISDIR.

    `cookie`: the same number on both halves of a rename, else 0. `name`: within the folder; empty for the watched
    thing itself.
    """

    wd: int
    mask: int
    cookie: int
    name: bytes


def parse_events(data: bytes) -> List[Event]:
    """The events in what one read returned. A tail that is not a whole event is left out."""
    events = []
    at = 0
    while at + _HEADER.size <= len(data):
        wd, mask, cookie, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        if at + length > len(data):
            break
        events.append(Event(wd, mask, cookie, data[at : at + length].split(b"\x00", 1)[0]))
        at += length
    return events


class Inotify:
    """One queue of events with its watches.

    `overflow` counts the times that the kernel's queue was full; each stands for an unknown number of events.
    `error` is the errno of the last `watch` that was refused, 0 before the first: ENOSPC says that the user's number
    of watches is used up (fs.inotify.max_user_watches).
    """

    def __init__(self) -> None:
        """Raises KernelError when the kernel has none, or none left (fs.inotify.max_user_instances)."""
        self.overflow = 0
        self.error = 0
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._add, self._remove = self._libc.inotify_add_watch, self._libc.inotify_rm_watch
            self._add.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
            self._remove.argtypes = [ctypes.c_int, ctypes.c_int]
            self.fd = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        except (OSError, AttributeError) as error:
            raise KernelError("inotify: not in this C library: {}".format(error)) from error
        if self.fd < 0:
            raise KernelError("inotify: not opened: {}".format(os.strerror(ctypes.get_errno())))

    def watch(self, path: Union[str, bytes, "os.PathLike[str]"], mask: int) -> Optional[int]:
        """Watch a file or folder; the number that its events will carry, or None when the kernel refuses (`error`).

        The same inode watched again, also under another name, has the same number, and the new mask counts.
        """
        name = os.fsencode(path)
        if b"\x00" in name:
            self.error = errno.EINVAL
            return None
        wd = int(self._add(self.fd, name, mask))
        if wd < 0:
            self.error = ctypes.get_errno()
            return None
        return wd

    def forget(self, wd: int) -> None:
        """End a watch. Its IGNORED event still comes, and events that were queued before it."""
        self._remove(self.fd, wd)

    def read(self) -> List[Event]:
        """The events since the last call, at most about 30,000; never blocks. An overflow is counted and told too."""
        events: List[Event] = []
        for data in event_queue.pieces(self.fd):
            events.extend(parse_events(data))
        self.overflow += sum(1 for event in events if event.mask & Q_OVERFLOW)
        return events

    def close(self) -> None:
        """Ends all watches. A second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
