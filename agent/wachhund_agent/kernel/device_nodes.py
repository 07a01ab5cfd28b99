"""Nodes of devices by their inode: which lie in a folder, and which process has which of them open.

A node is never opened: that may switch its device on. A process has one open when one of its files is the same inode: a
device number alone would also fit other nodes.
"""

import os
import stat
from pathlib import Path
from typing import Collection, Counter, Dict, Optional, Sequence, Tuple

from wachhund_agent.kernel import procfs

Inode = Tuple[int, int]  # st_dev, st_ino


def nodes_in(folder: Path, patterns: Sequence[str]) -> Dict[Inode, str]:
    """The paths in a folder that fit, by their inode; folders and symbolic links are none."""
    found: Dict[Inode, str] = {}
    for pattern in patterns:
        try:
            for path in sorted(folder.glob(pattern)):
                status = path.lstat()
                if not stat.S_ISLNK(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                    found[(status.st_dev, status.st_ino)] = str(path)
        except OSError:
            continue  # it went while we looked, or we may not look
    return found


def held_by(pid: int, wanted: Collection[Inode]) -> Optional[Counter[Inode]]:
    """How often a process has each of these inodes open; None when we may not look, empty when it has gone."""
    held: Counter[Inode] = Counter()
    folder = "{}/{}/fd".format(procfs.PROC, pid)
    try:
        names = os.listdir(folder)
    except PermissionError:
        return None
    except OSError:
        return held
    for name in names:
        path = "{}/{}".format(folder, name)
        try:
            if os.readlink(path).startswith("/"):  # not a socket, a pipe or the like
                status = os.stat(path)
                inode = (status.st_dev, status.st_ino)
                if inode in wanted:
                    held[inode] += 1
        except OSError:
            continue
    return held


def held_by_others(wanted: Collection[Inode]) -> Tuple[Counter[Tuple[Inode, int]], int]:
    """How often each process but our own has each of these open, by inode and pid; and how many we may not look at.

    Raises OSError when the processes can't be listed: no descriptor is left.
    """
    held: Counter[Tuple[Inode, int]] = Counter()
    hidden = 0
    pids = list(procfs.all_pids())
    if procfs.uid(1) is None:
        hidden += 1  # /proc is mounted so that it shows nobody else's processes
    for pid in pids:
        found = held_by(pid, wanted)
        if found is None:
            hidden += 1
        elif pid != os.getpid():
            for inode, count in found.items():
                held[(inode, pid)] = count
    return held, hidden
