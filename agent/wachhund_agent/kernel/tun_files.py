"""Which processes hold which tun and tap interfaces: the kernel says it of each open /dev/net/tun.

Source: `iff:` in /proc/PID/fdinfo (drivers/net/tun.c, since Linux 3.17), whatever the device's node is called.
"""

import os
from typing import Dict, List, NamedTuple

from wachhund_agent.kernel import procfs
from wachhund_evidence import text

PROCESSES = 4096  # looked into, the newest; 170 with 1,800 open files take 18 ms of a desktop's core
FILES = 1024  # of one process
HOLDERS = 64  # of one interface; one with many queues has as many as it has threads
_NO_TUNS = ("socket:", "pipe:", "anon_inode:")


class TunFiles(NamedTuple):
    """`holders`: pids by interface name. `is_whole`: False when not every process could be looked into."""

    holders: Dict[str, List[int]]
    is_whole: bool


def tun_files() -> TunFiles:
    """Who of this machine's processes holds an interface, in the caller's network namespace."""
    holders: Dict[str, List[int]] = {}
    here = procfs.namespace("self")
    pids = sorted(procfs.all_pids(), reverse=True)
    is_whole = len(pids) <= PROCESSES
    for pid in pids[:PROCESSES]:
        folder = "{}/{}".format(procfs.PROC, pid)
        try:
            names = os.listdir(folder + "/fd")
        except FileNotFoundError:
            continue
        except OSError:
            is_whole = False
            continue
        is_whole = is_whole and len(names) <= FILES
        for interface in {_interface(folder, name) for name in names[:FILES]} - {""}:
            held = holders.setdefault(interface, [])
            if len(held) < HOLDERS and procfs.namespace(pid) == here:
                held.append(pid)
    return TunFiles({interface: pids for interface, pids in holders.items() if pids}, is_whole)


def _interface(folder: str, name: str) -> str:
    try:
        if os.readlink("{}/fd/{}".format(folder, name)).startswith(_NO_TUNS):
            return ""
    except OSError:
        return ""
    return parse_fdinfo(procfs.read_file("{}/fdinfo/{}".format(folder, name)) or b"")


def parse_fdinfo(data: bytes) -> str:
    """The interface that an open file stands for; empty when it stands for none."""
    for line in data.splitlines():
        if line.startswith(b"iff:"):
            return text(line[4:].strip())
    return ""
