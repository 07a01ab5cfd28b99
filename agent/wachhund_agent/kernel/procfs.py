"""What /proc says of a process. Nothing here raises for a process that has gone: it returns None, or nothing.

Layouts: proc(5). Names are bytes until `text` has made them safe.
"""

import os
import pwd
import re
from functools import lru_cache
from typing import Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from wachhund_evidence import text

PROC = "/proc"
_READ_BYTES = 64 * 1024  # of one file; argv is cut to 8 KiB later, so more is never of use
_DELETED = " (deleted)"
_CONTAINER_ID = re.compile(rb"/[^/\n]*?([0-9a-f]{64})(?:\.scope)?(?:/|$)", re.MULTILINE)
_LXC = re.compile(rb"/(?:lxc\.payload[./]|lxc/|machine/)([^/\n]{1,64})")
_USERS_KEPT = 256
_FORKED_ONLY = 0x40  # PF_FORKNOEXEC, <linux/sched.h>
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Stat(NamedTuple):
    """From /proc/PID/stat. `start_ticks`: clock ticks since boot at which the process started.

    `only_forked`: it was forked and has started no program of its own, so it is what its parent was.
    """

    pid: int
    ppid: int
    comm: bytes
    state: str
    start_ticks: int
    only_forked: bool


def read_file(path: str) -> Optional[bytes]:
    """The first 64 KiB of a file of /proc or /sys, None when it can't be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, _READ_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)


def parse_stat(data: bytes) -> Optional[Stat]:
    """A stat line. The name may hold spaces and brackets, so the last bracket ends it."""
    opening, closing = data.find(b"("), data.rfind(b")")
    rest = data[closing + 2 :].split()
    if opening < 0 or closing < opening or len(rest) < 20:
        return None
    try:
        pid, ppid, flags, ticks = int(data[:opening]), int(rest[1]), int(rest[6]), int(rest[19])
    except ValueError:
        return None
    state = rest[0].decode("ascii", "replace")
    return Stat(pid, ppid, data[opening + 1 : closing], state, ticks, bool(flags & _FORKED_ONLY))


def own(name: str) -> Optional[bytes]:
    """What a file of /proc/self holds; None when it can't be read."""
    return read_file("{}/self/{}".format(PROC, name))


def stat(pid: int) -> Optional[Stat]:
    data = read_file("{}/{}/stat".format(PROC, pid))
    return None if data is None else parse_stat(data)


def cmdline(pid: int) -> Optional[List[bytes]]:
    """The arguments; an empty list for a kernel thread or a zombie, None when the process has gone."""
    data = read_file("{}/{}/cmdline".format(PROC, pid))
    if data is None:
        return None
    if not data:
        return []
    return (data[:-1] if data.endswith(b"\x00") else data).split(b"\x00")


def exe(pid: int) -> Tuple[Optional[str], bool]:
    """The program's path, and whether its file has been deleted since (or never had a name: memfd)."""
    return _link(pid, "exe")


def cwd(pid: int) -> Optional[str]:
    return _link(pid, "cwd")[0]


def _link(pid: int, name: str) -> Tuple[Optional[str], bool]:
    try:
        target = text(os.readlink("{}/{}/{}".format(PROC, pid, name)))
    except OSError:
        return None, False
    if target.endswith(_DELETED):
        return target[: -len(_DELETED)], True
    return target, False


@lru_cache(maxsize=_USERS_KEPT)
def user_name(uid: int) -> str:
    """The name of a user, or its number as text."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def uid(pid: int) -> Optional[int]:
    """The owner of /proc/PID, which is the effective user; root for a process that may not be dumped."""
    try:
        return os.stat("{}/{}".format(PROC, pid)).st_uid
    except OSError:
        return None


def unit(pid: int) -> Optional[str]:
    """The systemd unit (service or scope) that a process belongs to, from its control group."""
    data = read_file("{}/{}/cgroup".format(PROC, pid))
    for line in (data or b"").splitlines():
        for part in reversed(line.split(b":", 2)[-1].split(b"/")):
            if part.endswith((b".service", b".scope")):
                return text(part)
    return None


def container(pid: int) -> Optional[str]:
    """The container that a process belongs to, by what runtimes write into its control group: the id's first 12."""
    data = read_file("{}/{}/cgroup".format(PROC, pid))
    return None if data is None else container_of(data)


def container_of(cgroup: bytes) -> Optional[str]:
    """The same from a cgroup file: docker, containerd, podman and Kubernetes use 64 hex digits, LXC a name."""
    found = _CONTAINER_ID.search(cgroup)
    if found is not None:
        return found.group(1)[:12].decode("ascii")
    named = _LXC.search(cgroup)
    return None if named is None else text(named.group(1))


def thread_group(tid: int) -> Optional[int]:
    """The process that a thread belongs to: tracepoints name threads."""
    for line in (read_file("{}/{}/status".format(PROC, tid)) or b"").splitlines():
        if line.startswith(b"Tgid:"):
            return int(line[5:])
    return None


def all_pids() -> Iterator[int]:
    for name in os.listdir(PROC):
        if name.isdigit():
            yield int(name)


def fd_links(pid: int) -> Iterator[str]:
    """Where the open files of a process lead, such as "socket:[4711]". Nothing when we may not look."""
    folder = "{}/{}/fd".format(PROC, pid)
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink("{}/{}".format(folder, name))
        except OSError:
            continue


def _inodes(pid: int, kind: str) -> Set[int]:
    start = kind + ":["
    return {int(link[len(start) : -1]) for link in fd_links(pid) if link.startswith(start)}


def socket_inodes(pid: int) -> Set[int]:
    return _inodes(pid, "socket")


def pipe_inodes(pid: int) -> Set[int]:
    return _inodes(pid, "pipe")


def namespace(pid: Union[int, str], kind: str = "net") -> Optional[int]:
    """The inode of a namespace that a process lives in, or None."""
    try:
        link = os.readlink("{}/{}/ns/{}".format(PROC, pid, kind))
    except OSError:
        return None
    return int(link[link.index("[") + 1 : -1])


def puid(pid: int, start_ticks: int) -> str:
    """Names a process for the length of a boot: a pid alone is used again."""
    return "{}-{}".format(pid, start_ticks)


def passing_puid(pid: int, mono: float) -> str:
    """The same for a process that was gone before its start time could be read: `mono` is when we heard of it."""
    return "{}~{}".format(pid, int(mono * CLOCK_TICKS))
