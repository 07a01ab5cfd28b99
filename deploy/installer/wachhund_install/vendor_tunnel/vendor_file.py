"""Files in folders that others own, read and replaced by root: no link on the way is followed, nothing is half-written.

Whoever owns a folder may put a link in the place of anything in it; so each folder of a path is opened from the one
before, and the file by the last of them.
"""

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Iterator, NamedTuple, Optional, Tuple

from wachhund_install.disk import Disk
from wachhund_install.outcome import FAILED, Refused

_NEW = ".wachhund-new"
_MAX_BYTES = 256 << 10


class Content(NamedTuple):
    """`mtime_ns`: when it was last changed, by the robot's clock (ns since 1970)."""

    data: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def read(root: Path, path: str) -> Optional[Content]:
    """`path`: absolute, as the robot at `root` sees it. None: there is no such file. Raises Refused, OSError."""
    try:
        with _folder(root, path) as (folder, name):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_as_known(path, "a link,") from None
        raise
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > _MAX_BYTES:
            raise _not_as_known(path, "no plain file of {} kB at most with one name,".format(_MAX_BYTES >> 10))
        data = os.read(fd, _MAX_BYTES)  # a regular file gives all of it
    finally:
        os.close(fd)
    return Content(data, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns)


def replace(disk: Disk, root: Path, path: str, content: Content, keep_time: bool) -> None:
    """In one rename; extended attributes stay those of the file that is there. `keep_time`: else it was changed now."""
    with _folder(root, path) as (folder, name):
        _remove_new(disk, folder, name)
        disk.on_change("write {}".format(path + _NEW))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name + _NEW, flags, 0o600, dir_fd=folder)
        try:
            view = memoryview(content.data)
            while view:
                view = view[os.write(fd, view) :]
            _copy_attributes(folder, name, fd)
            os.fchown(fd, content.uid, content.gid)
            os.fchmod(fd, content.mode)
            if keep_time:
                os.utime(fd, ns=(content.mtime_ns, content.mtime_ns))
            os.fsync(fd)
        except OSError:
            os.unlink(name + _NEW, dir_fd=folder)
            raise
        finally:
            os.close(fd)
        disk.on_change("rename {}".format(path))
        os.rename(name + _NEW, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def clean(disk: Disk, root: Path, path: str) -> None:
    """What a run that was killed left beside the file."""
    with contextlib.suppress(FileNotFoundError), _folder(root, path) as (folder, name):
        _remove_new(disk, folder, name)


def _remove_new(disk: Disk, folder: int, name: str) -> None:
    try:
        os.stat(name + _NEW, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    disk.on_change("unlink {}".format(name + _NEW))
    os.unlink(name + _NEW, dir_fd=folder)


def _copy_attributes(folder: int, name: str, to: int) -> None:
    """Access lists and the like; a file system without them has none."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        for attribute in os.listxattr(fd):
            os.setxattr(to, attribute, os.getxattr(fd, attribute))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    finally:
        os.close(fd)


@contextlib.contextmanager
def _folder(root: Path, path: str) -> Iterator[Tuple[int, str]]:
    """The file's folder, opened, and its name there. Raises Refused for a link on the way; FileNotFoundError."""
    *folders, name = path.strip("/").split("/")
    fd = os.open(str(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for one in folders:
            try:
                inner = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise _not_as_known(path, "{} on its way is a link, or no folder,".format(one)) from None
                raise
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


def _not_as_known(path: str, what: str) -> Refused:
    return Refused(
        FAILED, "{}: {} which is not as known of this vendor: nothing was changed, look at it".format(path, what)
    )
