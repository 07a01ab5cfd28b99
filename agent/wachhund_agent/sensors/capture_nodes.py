"""The device nodes of cameras and microphones: which are there, and how the kernel's events name each."""

from pathlib import Path
from typing import Collection, Dict, NamedTuple, Optional, Sequence, Set

from wachhund_agent.kernel.device_nodes import Inode, nodes_in
from wachhund_agent.sensors.node_events import NodeEvents
from wachhund_evidence import clip, text

NODES_KEPT = 64  # a board with its codecs has about 20


class Node(NamedTuple):
    """A device. `key`: how the event source names it (a handle, or the number of a watch), None when it does not."""

    path: str
    via: str
    key: object


class CaptureNodes:
    """`nodes`: those that are there, and those that have no name any more, but are still open.

    `present`: the first of these. `left_out`: how many more there are than are kept.
    """

    def __init__(self, events: NodeEvents, folder: Path, patterns: Sequence[str]) -> None:
        self._events, self._folder, self._patterns = events, folder, patterns
        self._by_key: Dict[object, Inode] = {}
        self.nodes: Dict[Inode, Node] = {}
        self.present: Set[Inode] = set()
        self.left_out = 0

    @property
    def are_all_heard(self) -> bool:
        """Whether events tell of each."""
        return not any(node.key is None for node in self.nodes.values())

    def of_key(self, key: object) -> Optional[Inode]:
        """The one that an event speaks of."""
        return self._by_key.get(key)

    def clear(self) -> None:
        self.nodes.clear()
        self._by_key.clear()
        self.present.clear()

    def follow(self, in_use: Collection[Inode]) -> bool:
        """Look for them anew. Whether one is now listened to that was not before: it may be open already."""
        self._events.follow_folders()
        there = nodes_in(self._folder, self._patterns)
        self.present = {inode for inode in there if inode in self.nodes}
        for inode in list(self.nodes):
            if inode not in there and inode not in in_use:
                self._by_key.pop(self.nodes.pop(inode).key, None)
        self.left_out = 0
        new = False
        for inode, path in there.items():
            known = self.nodes.get(inode)
            if known is None and len(self.nodes) >= NODES_KEPT:
                self.left_out += 1
                continue
            # Asked again of a known one too: it may be another file that was given the number of a deleted one.
            key = self._listen(path)
            via = "alsa" if Path(path).parent.name == "snd" else "v4l2"
            self.nodes[inode] = Node(clip(text(path))[0], via, key)
            self.present.add(inode)
            if key is not None:
                self._by_key[key] = inode
            if known is None or known.key != key:
                new = True
                if known is not None:
                    self._by_key.pop(known.key, None)
        return new

    def _listen(self, path: str) -> object:
        """Ask for the events of a node, and where that is the end of one rung, of all on the next."""
        had_processes = self._events.names_processes
        key = self._events.listen(path)
        if self._events.names_processes or not had_processes:
            return key
        self._by_key.clear()
        for inode, node in list(self.nodes.items()):
            key = self._events.listen(node.path)
            self.nodes[inode] = node._replace(key=key)
            if key is not None:
                self._by_key[key] = inode
        return self._events.listen(path)
