"""Opens and closes of device nodes, as the kernel tells of them: by fanotify, which names the process, else by inotify.

Where one node can't be marked for fanotify, it is given up for all: one rung for all nodes.
"""

import os
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from wachhund_agent.kernel import capabilities, fanotify, inotify
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.fanotify import Fanotify
from wachhund_agent.kernel.inotify import Inotify
from wachhund_evidence import clip, text

PROBE_WAIT_S = 0.5
CLOSES = inotify.CLOSE_WRITE | inotify.CLOSE_NOWRITE
_OWN_FILE = os.path.realpath(__file__)
_FOLDER_EVENTS = inotify.CREATE | inotify.DELETE | inotify.MOVED_FROM | inotify.MOVED_TO | inotify.ONLYDIR
_NODE_EVENTS = inotify.OPEN | CLOSES | inotify.DONT_FOLLOW


class Heard(NamedTuple):
    """What was told since the last look. `of_processes`: by fanotify; `of_nodes`: by inotify, where there is no other.

    `is_changed`: something came into a folder or left it, or events were lost.
    """

    is_changed: bool
    of_processes: List[fanotify.Event]
    of_nodes: List[inotify.Event]


class NodeEvents:
    """`folders`: whose changes can bring a node or take one; the first one holds the others.

    `refused`: why processes are not named, `fails`: why inotify does not watch; empty when they are and it does.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._group: Optional[Fanotify] = None
        self._queue: Optional[Inotify] = None  # of the folders, and of the nodes where there is no group
        self._watches: Dict[int, Path] = {}
        self.refused = ""
        self.fails = ""

    @property
    def names_processes(self) -> bool:
        """Whether events come with their process."""
        return self._group is not None

    @property
    def tells_of_folders(self) -> bool:
        """Whether a node that comes or goes is told of; else they have to be looked for."""
        return self._queue is not None

    @property
    def lost(self) -> int:
        """Times that the kernel's queue was full."""
        return sum(source.overflow for source in (self._group, self._queue) if source is not None)

    def open(self) -> None:
        """The best sources that answer."""
        try:
            self._queue = Inotify()
        except KernelError as error:
            self.fails = str(error)
        self._group = self._proven_group()

    def close(self) -> None:
        for source in (self._group, self._queue):
            if source is not None:
                source.close()
        self._group = self._queue = None
        self._watches.clear()

    def fds(self) -> List[int]:
        return [source.fd for source in (self._group, self._queue) if source is not None]

    def read(self) -> Heard:
        """Never blocks."""
        is_changed = False
        of_nodes: List[inotify.Event] = []
        if self._queue is not None:
            for event in self._queue.read():
                if event.wd in self._watches or event.mask & inotify.Q_OVERFLOW:
                    is_changed = True
                else:
                    of_nodes.append(event)
        if self._group is None:
            return Heard(is_changed, [], of_nodes)
        return Heard(is_changed, self._group.read(), [])

    def follow_folders(self) -> None:
        """Folders come and go too."""
        if self._queue is not None:
            self._watches = {}
            for folder in self._folders:
                wd = self._queue.watch(folder, _FOLDER_EVENTS)
                if wd is not None:
                    self._watches[wd] = folder

    def listen(self, path: str) -> object:
        """Ask for the events of a node. How they name it: `handle` or `wd` of an event; None when it can't be watched.

        Processes may not be named any more after it: then all nodes must be asked for again, this one too.
        """
        if self._group is not None:
            handle = self._group.mark(path)
            if handle is None and os.path.lexists(path):
                self.refused = "fanotify: {}: {}".format(clip(text(path))[0], os.strerror(self._group.error))
                self._group.close()
                self._group = None
            return handle
        if self._queue is None:
            return None
        wd = self._queue.watch(path, _NODE_EVENTS)
        if wd is None:
            self.fails = "inotify: {}: {}".format(clip(text(path))[0], os.strerror(self._queue.error))
        return wd

    def _proven_group(self) -> Optional[Fanotify]:
        """A group that told of a file of our own, and that the first folder's files can be marked for."""
        if not capabilities.allows(capabilities.SYS_ADMIN):
            self.refused = "the kernel names the process only to root"
            return None
        folder = self._folders[0]
        group = None
        try:
            group = Fanotify()
            if group.mark(folder) is None:
                raise KernelError("fanotify: {}: {}".format(folder, os.strerror(group.error)))
            group.forget(folder)
            handle = group.mark(_OWN_FILE)
            os.close(os.open(_OWN_FILE, os.O_RDONLY | os.O_CLOEXEC))
            deadline = time.monotonic() + PROBE_WAIT_S
            while not any(event.pid == os.getpid() and event.handle == handle for event in group.read()):
                if time.monotonic() > deadline:
                    raise KernelError("fanotify: stays silent about a file of our own")
                time.sleep(0.005)
            group.forget(_OWN_FILE)
        except (KernelError, OSError) as error:
            self.refused = "{}".format(error)
            if group is not None:
                group.close()
            return None
        self.refused = ""
        return group
