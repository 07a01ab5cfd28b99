"""Cameras and microphones of this machine: who opens one, and for how long.

Ladder: fanotify, which names the process; inotify, after which a look at all open files says who; those files looked at
every 2 s (node_events, capture_nodes, device_nodes). A device node is never opened: that may light it.
"""

import os
from pathlib import Path
from typing import Any, Callable, Counter, Dict, List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.kernel import fanotify, inotify
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.device_nodes import Inode, held_by, held_by_others
from wachhund_agent.sensors.capture_nodes import NODES_KEPT, CaptureNodes
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.node_events import CLOSES, NodeEvents
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

PATTERNS = ("video*", "media*", "snd/pcmC*D*c")  # V4L2 and its controllers; ALSA's ends in c where it captures
USES_KEPT = 512  # open at the same moment; more openers than a camera has ever had
POLL_S = 2.0
LOOK_S = 1.0
RECONCILE_S = 10.0  # a look at all open files costs 12 ms and more
SETTLE_S = 1.0  # an open is told before the file stands in /proc
_UNSEEN = 0  # stands for the pid of a process that could not be found


class _Use(NamedTuple):
    """A process that has a node open. `since`: monotonic seconds at which we heard of it."""

    since: float
    owner: Optional[Owner]
    existing: bool


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
        # Folders whose changes can bring or take a node; one of them may itself come later.
        below = {Path(pattern).parent for pattern in patterns}
        self._events = NodeEvents([folder, *sorted(folder / name for name in below if str(name) != ".")])
        self._nodes = CaptureNodes(self._events, folder, tuple(patterns))
        self._uses: Dict[Tuple[Inode, int], _Use] = {}
        self._held: Counter[Tuple[Inode, int]] = Counter()  # of the last look at all files: how often
        self._hidden = 0  # processes whose files we may not see
        self._told_nodes: Optional[int] = None
        self._dropped = 0
        self._next_reconcile = 0.0

    def start(self, mono: float) -> List[Observation]:
        self.close()
        self._events.open()
        found = self._follow_nodes(mono)
        found += self._reconcile(mono, existing=True)
        return found

    def fds(self) -> List[int]:
        return self._events.fds()

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        heard = self._events.read()
        found += self._on_processes(heard.of_processes, mono)
        found += self._on_nodes(heard.of_nodes, mono)
        due = mono >= self._next_reconcile
        if heard.is_changed or due or not self._events.tells_of_folders:
            found += self._follow_nodes(mono)
        if due:
            found += self._reconcile(mono)
        return found

    def coverage(self) -> Coverage:
        rung = self._rung()
        interval = POLL_S if rung == "procfs" else None
        state = "poll" if rung == "procfs" else "event"
        dropped = self._dropped + self._nodes.left_out + self._events.lost
        return Coverage(rung, state, interval, dropped, self._why(rung))

    def close(self) -> None:
        self._events.close()
        self._nodes.clear()

    def _rung(self) -> str:
        if self._events.names_processes:
            return "fanotify"
        return "inotify" if self._events.tells_of_folders and self._nodes.are_all_heard else "procfs"

    def _why(self, rung: str) -> str:
        reasons = []
        if not self._nodes.present:
            reasons.append("this machine has no camera or microphone of its own")
        reasons.append("cameras of other boards are seen only as flows")
        if rung != "fanotify":
            reasons.append(self._events.refused)
        if rung == "inotify":
            reasons.append("who opened a device is looked up afterwards, so a very short use keeps no process")
        if rung == "procfs":
            reasons.append(self._events.fails or "devices can't be watched")
            reasons.append("a use that fits between two looks is missed")
        if self._hidden:
            reasons.append("what processes of other users hold open is not seen: run as root")
        if self._nodes.left_out:
            reasons.append("{} devices beyond {} are not watched".format(self._nodes.left_out, NODES_KEPT))
        return "; ".join(reason for reason in reasons if reason)

    def _follow_nodes(self, mono: float) -> List[Observation]:
        """Which nodes are there now, and how each is heard of."""
        new = self._nodes.follow({inode for inode, _ in self._uses})
        self.interval_s = POLL_S if self._rung() == "procfs" else LOOK_S
        if new:
            self._next_reconcile = min(self._next_reconcile, mono)  # it may have been opened before we listened
        if len(self._nodes.present) == self._told_nodes:
            return []
        self._told_nodes = len(self._nodes.present)
        fields = {"name": "cameras", "value": self._told_nodes}
        return [Observation("config.state", wall(mono), mono, self._sensor(), fields)]

    def _on_processes(self, events: Sequence[fanotify.Event], mono: float) -> List[Observation]:
        """Opens are believed; a close counts when no file of the process is left."""
        found: List[Observation] = []
        closed: Dict[Tuple[Inode, int], None] = {}
        for event in events:
            inode = self._nodes.of_key(event.handle)
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
            inode = self._nodes.of_key(event.wd)
            if inode is not None:
                opens[inode] += bool(event.mask & inotify.OPEN)
                closes[inode] += bool(event.mask & CLOSES)
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
        self._held, self._hidden = Counter(), 0
        if not self._nodes.nodes:
            return []
        try:
            self._held, self._hidden = held_by_others(self._nodes.nodes)
        except OSError:
            return []  # no descriptor left: what is known stays until a look succeeds
        found: List[Observation] = []
        for (inode, pid), use in list(self._uses.items()):
            if pid == _UNSEEN:
                over = not self._hidden and not keep_unseen
            elif (inode, pid) in self._held:
                now = self._who(pid)
                over = now is not None and use.owner is not None and now.puid != use.owner.puid
            else:
                over = mono - use.since >= SETTLE_S or not self._events.names_processes
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
        node = self._nodes.nodes[inode]
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
