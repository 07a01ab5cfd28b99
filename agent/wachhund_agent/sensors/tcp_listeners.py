"""Listeners: the doors that this robot offers."""

import socket
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from wachhund_agent.kernel.sock_diag import STATES_LISTENING, Endpoint, TcpSocket, dump_tcp
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.tcp_owners import FULL_LOOK_S, Owners

LISTENERS_KEPT = 4096
OWNER_WAIT_S = FULL_LOOK_S + 1.0  # its event may be told a round later than a look finds it; by then all were asked
LATELY_CLOSED = 256  # the last connections of a server are told in the same round as its end
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # compared, not bound to


class Listener(NamedTuple):
    """One open door. `scope`: who can reach it."""

    local: Endpoint
    owner: Optional[Owner]
    inode: int


def dump_listeners() -> List[TcpSocket]:
    """All TCP listeners of this network namespace. Raises KernelError."""
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        found += dump_tcp(family, STATES_LISTENING, info=False)
    return found


class Change(NamedTuple):
    """A door that opened or closed."""

    kind: str
    listener: Listener
    existing: bool


class Listeners:
    """A door is told with who opened it: the kernel's word for it is kept until a look has found the door, and a door
    that a look finds first waits for that word.
    """

    def __init__(self, owners: Owners, dump: Callable[[], Sequence[TcpSocket]] = dump_listeners) -> None:
        self._owners = owners
        self._dump = dump
        self._open: Dict[Endpoint, Listener] = {}
        self._closed: Dict[Endpoint, Listener] = {}
        self._openers: Dict[Endpoint, Owner] = {}
        self._untold: Dict[Endpoint, float] = {}  # open doors whose owner is sought, and since when
        self.dropped = 0

    @property
    def seeks(self) -> bool:
        """Whether the owner of a door is still sought."""
        return bool(self._untold)

    def heard(self, local: Endpoint, owner: Optional[Owner]) -> None:
        """A tracepoint told of a new listener. It may belong to another network namespace: the look decides."""
        if owner is not None and len(self._openers) < LISTENERS_KEPT:
            self._openers[local] = owner

    def look(self, mono: float, existing: bool = False) -> List[Change]:
        """What changed since the last look. Raises KernelError."""
        changes = []
        seen = {}
        for sock in self._dump():
            seen[sock.local] = sock
        for local, listener in list(self._open.items()):
            now = seen.get(local)
            if now is None or (listener.inode and now.inode != listener.inode):
                self._closed[local] = self._open.pop(local)
                if len(self._closed) > LATELY_CLOSED:
                    del self._closed[next(iter(self._closed))]
                if self._untold.pop(local, None) is not None:
                    changes.append(Change("listen.open", listener, existing))
                changes.append(Change("listen.close", listener, False))
        for local, sock in seen.items():
            if local in self._open and local not in self._untold:
                continue
            if local not in self._open and len(self._open) >= LISTENERS_KEPT:
                self.dropped += 1
                continue
            owner = self._openers.pop(local, None) or self._owners.anywhere(sock.inode, mono)
            listener = self._open[local] = Listener(local, owner, sock.inode)
            if owner is None and not existing and mono - self._untold.setdefault(local, mono) < OWNER_WAIT_S:
                continue
            self._untold.pop(local, None)
            changes.append(Change("listen.open", listener, existing))
        self._openers.clear()
        return changes

    def locals(self) -> List[Endpoint]:
        """Where something listens now."""
        return list(self._open)

    def at(self, local: Endpoint) -> Optional[Listener]:
        """The listener that a connection to this local end came through, open or closed lately."""
        for doors in (self._open, self._closed):
            for address in (local[0], *_WILDCARDS):
                found = doors.get((address, local[1]))
                if found is not None:
                    return found
        return None
