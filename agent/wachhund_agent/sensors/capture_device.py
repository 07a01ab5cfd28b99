"""Cameras and microphones of this machine: who opens one, and for how long.

Ladder: fanotify, which names the process; inotify, after which a look at all open files says who; those files looked at
every 2 s. A device node is never opened: that may light it. A process has a node open when one of its files is the same
inode: a device number alone would also fit other nodes.
"""

import os
import stat
import time
from pathlib import Path
from typing import Any, Callable, Counter, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from wachhund_agent.kernel import capabilities, fanotify, inotify, procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.fanotify import Fanotify
from wachhund_agent.kernel.inotify import Inotify
from wachhund_agent.kernel.sock_diag import KernelError
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

PATTERNS = ("video*", "media*", "snd/pcmC*D*c")  # V4L2 and its controllers; ALSA's ends in c where it captures
NODES_KEPT = 64  # a board with its codecs has about 20
USES_KEPT = 512  # open at the same moment; more openers than a camera has ever had
POLL_S = 2.0
LOOK_S = 1.0
RECONCILE_S = 10.0  # a look at all open files costs 12 ms and more
SETTLE_S = 1.0  # an open is told before the file stands in /proc
PROBE_WAIT_S = 0.5
_OWN_FILE = os.path.realpath(__file__)
_FOLDER_EVENTS = inotify.CREATE | inotify.DELETE | inotify.MOVED_FROM | inotify.MOVED_TO | inotify.ONLYDIR
_NODE_EVENTS = inotify.OPEN | inotify.CLOSE_WRITE | inotify.CLOSE_NOWRITE | inotify.DONT_FOLLOW
_CLOSES = inotify.CLOSE_WRITE | inotify.CLOSE_NOWRITE

Inode = Tuple[int, int]  # st_dev, st_ino
_UNSEEN = 0  # stands for the pid of a process that could not be found


class _Node(NamedTuple):
    """A device. `key`: how the event source names it (a handle, or the number of a watch)."""

    path: str
    via: str
    key: object


class _Use(NamedTuple):
    """A process that has a node open. `since`: monotonic seconds at which we heard of it."""

    since: float
    owner: Optional[Owner]
    existing: bool


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


def held_by(pid: int, wanted: Iterable[Inode]) -> Optional[Counter[Inode]]:
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


class CaptureDeviceSense(Sense):
    """`who`: the process behind a pid. `folder`, `patterns`: where the nodes lie.

    Kinds: `camera.open`, `camera.close`, `config.state` (cameras: the number of nodes).
    """

    name = "camera"

    def __init__(
        self, who: Callable[[int], Optional[Owner]], folder: Path = Path("/dev"), patterns: Sequence[str] = PATTERNS
    ) -> None:
        self.interval_s = LOOK_S
        self._who = who
        self._folder = folder
        self._patterns = tuple(patterns)
        # Folders whose changes can bring or take a node; one of them may itself come later.
        below = {Path(pattern).parent for pattern in self._patterns}
        self._folders = [folder, *sorted(folder / name for name in below if str(name) != ".")]
        self._nodes: Dict[Inode, _Node] = {}
        self._by_key: Dict[object, Inode] = {}
        self._present: Set[Inode] = set()  # the other nodes have no name any more, but are still open
        self._uses: Dict[Tuple[Inode, int], _Use] = {}
        self._held: Counter[Tuple[Inode, int]] = Counter()  # of the last look at all files: how often
        self._group: Optional[Fanotify] = None
        self._queue: Optional[Inotify] = None  # of the folders, and of the nodes where there is no group
        self._watches: Dict[int, Path] = {}
        self._refused = ""
        self._inotify_fails = ""
        self._hidden = 0  # processes whose files we may not see
        self._told_nodes: Optional[int] = None
        self._left_out = 0
        self._dropped = 0
        self._next_reconcile = 0.0

    def start(self, mono: float) -> List[Observation]:
        self.close()
        try:
            self._queue = Inotify()
        except KernelError as error:
            self._inotify_fails = str(error)
        self._group = self._proven_group()
        found = self._follow_nodes(mono)
        found += self._reconcile(mono, existing=True)
        return found

    def fds(self) -> List[int]:
        return [source.fd for source in (self._group, self._queue) if source is not None]

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        changed = False
        told: List[inotify.Event] = []
        if self._queue is not None:
            for event in self._queue.read():
                if event.wd in self._watches or event.mask & inotify.Q_OVERFLOW:
                    changed = True
                else:
                    told.append(event)
        if self._group is not None:
            found += self._on_group(self._group.read(), mono)
        elif told:
            found += self._on_nodes(told, mono)
        due = mono >= self._next_reconcile
        if changed or due or self._queue is None:
            found += self._follow_nodes(mono)
        if due:
            found += self._reconcile(mono)
        return found

    def coverage(self) -> Coverage:
        lost = sum(source.overflow for source in (self._group, self._queue) if source is not None)
        rung = self._rung()
        interval = POLL_S if rung == "procfs" else None
        state = "poll" if rung == "procfs" else "event"
        return Coverage(rung, state, interval, self._dropped + self._left_out + lost, self._why(rung))

    def close(self) -> None:
        for source in (self._group, self._queue):
            if source is not None:
                source.close()
        self._group = self._queue = None
        self._watches.clear()
        self._nodes.clear()
        self._by_key.clear()
        self._present.clear()

    def _rung(self) -> str:
        if self._group is not None:
            return "fanotify"
        return "procfs" if self._queue is None or self._refused_nodes() else "inotify"

    def _refused_nodes(self) -> bool:
        return any(node.key is None for node in self._nodes.values())

    def _why(self, rung: str) -> str:
        reasons = []
        if not self._present:
            reasons.append("this machine has no camera or microphone of its own")
        reasons.append("cameras of other boards are seen only as flows")
        if rung != "fanotify":
            reasons.append(self._refused)
        if rung == "inotify":
            reasons.append("who opened a device is looked up afterwards, so a very short use keeps no process")
        if rung == "procfs":
            reasons.append(self._inotify_fails or "devices can't be watched")
            reasons.append("a use that fits between two looks is missed")
        if self._hidden:
            reasons.append("what processes of other users hold open is not seen: run as root")
        if self._left_out:
            reasons.append("{} devices beyond {} are not watched".format(self._left_out, NODES_KEPT))
        return "; ".join(reason for reason in reasons if reason)

    def _proven_group(self) -> Optional[Fanotify]:
        """A group that told of a file of our own, and that this folder's files can be marked for."""
        if not capabilities.allows(capabilities.SYS_ADMIN):
            self._refused = "the kernel names the process only to root"
            return None
        group = None
        try:
            group = Fanotify()
            if group.mark(self._folder) is None:
                raise KernelError("fanotify: {}: {}".format(self._folder, os.strerror(group.error)))
            group.forget(self._folder)
            handle = group.mark(_OWN_FILE)
            os.close(os.open(_OWN_FILE, os.O_RDONLY | os.O_CLOEXEC))
            deadline = time.monotonic() + PROBE_WAIT_S
            while not any(event.pid == os.getpid() and event.handle == handle for event in group.read()):
                if time.monotonic() > deadline:
                    raise KernelError("fanotify: stays silent about a file of our own")
                time.sleep(0.005)
            group.forget(_OWN_FILE)
        except (KernelError, OSError) as error:
            self._refused = "{}".format(error)
            if group is not None:
                group.close()
            return None
        self._refused = ""
        return group

    def _follow_nodes(self, mono: float) -> List[Observation]:
        """Which nodes are there now, and how each is heard of."""
        if self._queue is not None:
            self._watches = {}
            for folder in self._folders:
                wd = self._queue.watch(folder, _FOLDER_EVENTS)
                if wd is not None:
                    self._watches[wd] = folder
        there = nodes_in(self._folder, self._patterns)
        self._present = {inode for inode in there if inode in self._nodes}
        for inode in list(self._nodes):
            if inode not in there and not any(used == inode for used, _ in self._uses):
                self._by_key.pop(self._nodes.pop(inode).key, None)
        self._left_out = 0
        new = False
        for inode, path in there.items():
            known = self._nodes.get(inode)
            if known is None and len(self._nodes) >= NODES_KEPT:
                self._left_out += 1
                continue
            # Asked again of a known one too: it may be another file that was given the number of a deleted one.
            key = self._listen(path)
            via = "alsa" if Path(path).parent.name == "snd" else "v4l2"
            self._nodes[inode] = _Node(clip(text(path))[0], via, key)
            self._present.add(inode)
            if key is not None:
                self._by_key[key] = inode
            if known is None or known.key != key:
                new = True
                if known is not None:
                    self._by_key.pop(known.key, None)
        self.interval_s = POLL_S if self._rung() == "procfs" else LOOK_S
        if new:
            self._next_reconcile = min(self._next_reconcile, mono)  # it may have been opened before we listened
        if len(self._present) == self._told_nodes:
            return []
        self._told_nodes = len(self._present)
        fields = {"name": "cameras", "value": self._told_nodes}
        return [Observation("config.state", wall(mono), mono, self._sensor(), fields)]

    def _listen(self, path: str) -> object:
        """Ask for the events of a node. Where one node can't be marked, no node is: one rung for all."""
        if self._group is not None:
            handle = self._group.mark(path)
            if handle is not None or not os.path.lexists(path):
                return handle
            self._refused = "fanotify: {}: {}".format(clip(text(path))[0], os.strerror(self._group.error))
            self._group.close()
            self._group = None
            self._by_key.clear()
            for inode, node in list(self._nodes.items()):
                key = self._listen(node.path)
                self._nodes[inode] = node._replace(key=key)
                if key is not None:
                    self._by_key[key] = inode
        if self._queue is None:
            return None
        wd = self._queue.watch(path, _NODE_EVENTS)
        if wd is None:
            self._inotify_fails = "inotify: {}: {}".format(clip(text(path))[0], os.strerror(self._queue.error))
        return wd

    def _on_group(self, events: Sequence[fanotify.Event], mono: float) -> List[Observation]:
        """Opens are believed; a close counts when no file of the process is left."""
        found: List[Observation] = []
        closed: Dict[Tuple[Inode, int], None] = {}
        for event in events:
            inode = self._by_key.get(event.handle)
            if event.mask & fanotify.Q_OVERFLOW or (inode is not None and not event.pid):
                self._next_reconcile = mono  # which process: only the files of all can say
            if inode is None or not event.pid or event.pid == os.getpid():
                continue
            if event.mask & fanotify.OPEN:
                found += self._opened(inode, event.pid, mono)
            if event.mask & fanotify.CLOSE:
                # A child that inherited the file may be the one that closes it for all.
                closed.update(((inode, pid), None) for used, pid in self._uses if used == inode)
        for inode, pid in closed:
            held = held_by(pid, (inode,))
            if held is None or not held[inode]:
                found += self._closed(inode, pid, mono)
                # An open that follows a close in one event is not yet to be seen.
                self._next_reconcile = min(self._next_reconcile, mono + SETTLE_S)
        return found

    def _on_nodes(self, events: Sequence[inotify.Event], mono: float) -> List[Observation]:
        """The kernel says which node, not who: look at everybody's files, at once."""
        opens: Counter[Inode] = Counter()
        closes: Counter[Inode] = Counter()
        for event in events:
            inode = self._by_key.get(event.wd)
            if inode is not None:
                opens[inode] += bool(event.mask & inotify.OPEN)
                closes[inode] += bool(event.mask & _CLOSES)
        if not opens and not closes:
            return []
        before = Counter(self._held)
        unseen_before = {inode for inode, pid in self._uses if pid == _UNSEEN}
        found = self._reconcile(mono, keep_unseen=True)
        if sum(opens.values()) - sum(closes.values()) > len(self._held - before):
            found += self._reconcile(mono, keep_unseen=True)  # an open is told before its file stands in /proc
        for inode in set(opens) | set(closes):
            grown = sum(count for (held, _), count in (self._held - before).items() if held == inode)
            shrunk = sum(count for (held, _), count in (before - self._held).items() if held == inode)
            unexplained = opens[inode] - grown
            if unexplained > 0 and inode not in unseen_before:
                found += self._opened(inode, _UNSEEN, mono)
            if closes[inode] - shrunk > 0 and closes[inode] - shrunk >= unexplained:
                found += self._closed(inode, _UNSEEN, mono)
        return found

    def _reconcile(self, mono: float, existing: bool = False, keep_unseen: bool = False) -> List[Observation]:
        """Everybody's open files against what we believe: an open that was missed, a close that was lost."""
        self._next_reconcile = mono + (POLL_S if self._rung() == "procfs" else RECONCILE_S)
        self._held.clear()
        self._hidden = 0
        if not self._nodes:
            return []
        found: List[Observation] = []
        try:
            pids = list(procfs.all_pids())
        except OSError:
            return []  # no descriptor left: what is known stays until a look succeeds
        if procfs.uid(1) is None:
            self._hidden += 1  # /proc is mounted so that it shows nobody else's processes
        for pid in pids:
            held = held_by(pid, self._nodes)
            if held is None:
                self._hidden += 1
            elif held and pid != os.getpid():
                for inode, count in held.items():
                    self._held[(inode, pid)] = count
        for (inode, pid), use in list(self._uses.items()):
            if pid == _UNSEEN:
                over = not self._hidden and not keep_unseen
            elif (inode, pid) in self._held:
                now = self._who(pid)
                over = now is not None and use.owner is not None and now.puid != use.owner.puid
            else:
                over = mono - use.since >= SETTLE_S or self._group is None
            if over:
                found += self._closed(inode, pid, mono)
        for inode, pid in self._held:
            found += self._opened(inode, pid, mono, existing)
        return found

    def _opened(self, inode: Inode, pid: int, mono: float, existing: bool = False) -> List[Observation]:
        if (inode, pid) in self._uses:
            return []
        if len(self._uses) >= USES_KEPT:
            self._dropped += 1
            return []
        owner = None if pid == _UNSEEN else self._who(pid)
        self._uses[(inode, pid)] = _Use(mono, owner, existing)
        fields = self._fields(inode, pid, owner)
        fields["existing"] = existing
        if pid == _UNSEEN and self._hidden:
            fields["why"] = "the files of other users' processes can't be seen: run as root"
        elif pid == _UNSEEN:
            fields["why"] = "no process had it open any more when all were looked at"
        elif owner is None:
            fields["why"] = "the process had ended before it was looked at"
        return [Observation("camera.open", wall(mono), mono, self._sensor(), fields)]

    def _closed(self, inode: Inode, pid: int, mono: float) -> List[Observation]:
        use = self._uses.pop((inode, pid), None)
        if use is None:
            return []
        fields = self._fields(inode, pid, use.owner)
        # An open that was there before us, or that came and went within one look, has no length that we know.
        known = not use.existing and mono > use.since
        fields["duration_s"] = round(mono - use.since, 3) if known else None
        return [Observation("camera.close", wall(mono), mono, self._sensor(), fields)]

    def _fields(self, inode: Inode, pid: int, owner: Optional[Owner]) -> Dict[str, Any]:
        node = self._nodes[inode]
        return {
            "camera": node.path,
            "via": node.via,
            "puid": None if owner is None else owner.puid,
            "pid": pid or None,
            "exe": None if owner is None else owner.exe,
            "user": None if owner is None else owner.user,
            "viewer": None,
        }

    def _sensor(self) -> str:
        return "{}/{}".format(self.name, self._rung())
