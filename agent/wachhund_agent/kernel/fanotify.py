"""Who opens and closes a file, told by the kernel with the process: fanotify(7) with FAN_REPORT_FID (Linux 5.1).

Layouts: <linux/fanotify.h>, and struct file_handle of open_by_handle_at(2). Only a group that reports file ids hears of
device nodes. Needs CAP_SYS_ADMIN. Equal events that nobody has read yet are merged, also an open with the close after
it; so the mask says what happened, not how often or in which order.
The standard library has no call for it, so the C library's are called through ctypes.
"""

import ctypes
import errno
import os
import struct
from typing import List, NamedTuple, Optional, Union

from wachhund_agent.kernel import event_queue
from wachhund_agent.kernel.error import KernelError

CLOSE_WRITE, CLOSE_NOWRITE, OPEN, Q_OVERFLOW = 0x8, 0x10, 0x20, 0x4000
CLOSE = CLOSE_WRITE | CLOSE_NOWRITE
_CLOEXEC, _NONBLOCK, _REPORT_FID = 0x1, 0x2, 0x200
_MARK_ADD, _MARK_REMOVE, _DONT_FOLLOW = 0x1, 0x2, 0x4
_AT_FDCWD = -100
_VERSION = 3  # FANOTIFY_METADATA_VERSION
_INFO_FID = 1  # FAN_EVENT_INFO_TYPE_FID
_MAX_HANDLE = 128  # MAX_HANDLE_SZ

_EVENT = struct.Struct("=IBBHQii")  # length, version, reserved, length of this part, mask, fd, pid
_INFO = struct.Struct("=BBH8sIi")  # type, pad, length, file system, bytes of the handle, its type
_HANDLE = struct.Struct("=Ii")

Name = Union[str, bytes, "os.PathLike[str]"]


class Event(NamedTuple):
    """`mask`: OPEN, CLOSE_WRITE, CLOSE_NOWRITE, or Q_OVERFLOW alone. `pid`: the process, 0 when it is not visible here.

    `handle`: which file, as `Fanotify.mark` named it; empty when the event does not say.
    """

    mask: int
    pid: int
    handle: bytes


def parse_events(data: bytes) -> List[Event]:
    """The events in what one read returned. A tail that is not a whole event is left out."""
    events = []
    at = 0
    while at + _EVENT.size <= len(data):
        length, version, _, own, mask, _, pid = _EVENT.unpack_from(data, at)
        if version != _VERSION or own < _EVENT.size or length < own or at + length > len(data):
            break
        events.append(Event(mask, max(0, pid), _handle(data[at + own : at + length])))
        at += length
    return events


def _handle(info: bytes) -> bytes:
    if len(info) < _INFO.size:
        return b""
    kind, _, _, _, size, handle_type = _INFO.unpack_from(info)
    if kind != _INFO_FID or _INFO.size + size > len(info):
        return b""
    return _HANDLE.pack(size, handle_type) + info[_INFO.size : _INFO.size + size]


class Fanotify:
    """One group with its marks.

    `overflow` counts the times that the kernel's queue was full; each stands for an unknown number of events.
    `error` is the errno of the last `mark` that was refused: ENODEV says that files of this file system have no ids.
    """

    def __init__(self) -> None:
        """Raises KernelError when the kernel or our rights do not allow it."""
        self.overflow = 0
        self.error = 0
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._mark, self._name = self._libc.fanotify_mark, self._libc.name_to_handle_at
            self._mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
            self._name.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
            flags = _REPORT_FID | _CLOEXEC | _NONBLOCK
            self.fd = int(self._libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC))
        except (OSError, AttributeError) as error:
            raise KernelError("fanotify: not in this C library: {}".format(error)) from error
        if self.fd < 0:
            raise KernelError("fanotify: not opened: {}".format(os.strerror(ctypes.get_errno())))

    def mark(self, path: Name) -> Optional[bytes]:
        """Hear of opens and closes of this inode; what its events will carry, or None when refused (`error`).

        A symbolic link is not followed.
        """
        name = os.fsencode(path)
        if b"\x00" in name:
            self.error = errno.EINVAL
            return None
        handle = self._handle_of(name)
        flags = _MARK_ADD | _DONT_FOLLOW
        if handle is None or self._mark(self.fd, flags, OPEN | CLOSE, _AT_FDCWD, name) < 0:
            self.error = ctypes.get_errno()
            return None
        return handle

    def forget(self, path: Name) -> None:
        """End a mark. Events that were queued before still come. A mark goes by itself with its file."""
        name = os.fsencode(path)
        if b"\x00" not in name:
            self._mark(self.fd, _MARK_REMOVE | _DONT_FOLLOW, OPEN | CLOSE, _AT_FDCWD, name)

    def read(self) -> List[Event]:
        """The events since the last call, at most about 18,000; never blocks. An overflow is counted and told too."""
        events: List[Event] = []
        for data in event_queue.pieces(self.fd):
            events.extend(parse_events(data))
        self.overflow += sum(1 for event in events if event.mask & Q_OVERFLOW)
        return events

    def close(self) -> None:
        """Ends all marks. A second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _handle_of(self, name: bytes) -> Optional[bytes]:
        room = ctypes.create_string_buffer(_HANDLE.pack(_MAX_HANDLE, 0), _HANDLE.size + _MAX_HANDLE)
        mount = ctypes.c_int()
        if self._name(_AT_FDCWD, name, room, ctypes.byref(mount), 0) < 0:
            return None
        size = _HANDLE.unpack_from(room.raw)[0]
        return room.raw[: _HANDLE.size + size]
