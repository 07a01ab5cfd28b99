"""The TCP connections of this robot: which there are, when each began and ended, and how much went which way.

Three sources speak of the same connection, in any order: events of `inet_sock_set_state`, dumps of sock_diag, and the
kernel's feed of closed sockets. The events come from all network namespaces; only what sock_diag shows too is ours.
"""

import socket
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set, ValuesView

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.sock_diag import (
    ESTABLISHED,
    STATES_CONNECTED,
    SYN_RECV,
    SYN_SENT,
    Endpoint,
    TcpCounters,
    TcpSocket,
    dump_tcp,
)
from wachhund_agent.kernel.tracefs import TraceRecord
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.tcp_event import CLOSE, Ends, ends_of, is_by_caller

FLOWS_KEPT = 16384
DUMP_S = 2.0
DUMPS_TO_CLOSE = 2  # that do not show a flow, where no event told its end
SOUGHT_DUMPS = 3  # a flow of ours stands in the first dump after its event; then the next is awaited
EVENT_WAIT_S = 0.5  # a dump may be ahead of the events: two rounds
FOREIGN_AFTER_S = 3.0  # a flow that no dump has shown for this long is another namespace's
_NANO = 1e-9


class Connection:
    """What is known of one connection so far, and what was told of it."""

    __slots__ = (
        "bytes_in", "bytes_out", "closed", "cookie", "direction", "existing", "flow", "heard", "info_changed", "inode",
        "is_ours", "local", "opened", "owner", "peer", "remote", "told", "told_at", "told_bytes", "unseen",
    )  # fmt: skip

    def __init__(self, flow: str, local: Endpoint, remote: Endpoint, direction: str, opened: float) -> None:
        self.flow, self.local, self.remote, self.direction, self.opened = flow, local, remote, direction, opened
        self.owner: Optional[Owner] = None
        self.peer: Optional[Owner] = None
        self.cookie = self.inode = 0
        self.bytes_in = self.bytes_out = self.told_bytes = self.unseen = 0
        self.is_ours = self.existing = self.told = self.info_changed = self.heard = False
        self.closed: Optional[float] = None
        self.told_at = opened

    def count(self, info: Optional[TcpCounters]) -> None:
        if info is not None:
            self.bytes_out = max(self.bytes_out, info.bytes_sent)
            # A final count includes the FIN; what was there before it is the payload.
            self.bytes_in = max(self.bytes_in, info.bytes_received)


class _Dialling(NamedTuple):
    """A connect that has not been answered yet."""

    thread: int
    mono: float


def dump_connected() -> List[TcpSocket]:
    """All connected TCP sockets of this network namespace, with counters. Raises KernelError."""
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        found += dump_tcp(family, STATES_CONNECTED)
    return found


def _is_sought(entry: Connection) -> bool:
    """Does an event speak of it, and no dump yet?"""
    return not entry.is_ours and entry.closed is None and entry.unseen < SOUGHT_DUMPS


class Connections:
    """`run`: marks this agent run's flow ids. `of_thread`: the owner by a running thread. `is_door`: does one listen?

    `dropped`: those for which there was no room. `foreign`: those of other namespaces.
    """

    def __init__(
        self,
        run: str,
        of_thread: Callable[[int], Optional[Owner]],
        is_door: Callable[[Endpoint], bool],
        dump: Callable[[], Sequence[TcpSocket]] = dump_connected,
    ) -> None:
        self._run, self._of_thread, self._is_door, self._dump = run, of_thread, is_door, dump
        self._by_ends: Dict[Ends, Connection] = {}
        self._dialling: Dict[int, _Dialling] = {}
        self._early: List[TcpSocket] = []
        self._number = 0
        self._next_dump = 0.0
        self.dropped = 0
        self.foreign = 0

    def all(self) -> ValuesView[Connection]:
        """Also those of which it is not yet known whether they are ours."""
        return self._by_ends.values()

    def ours(self) -> List[Connection]:
        return [entry for entry in self._by_ends.values() if entry.is_ours]

    def between(self, local: Endpoint, remote: Endpoint) -> Optional[Connection]:
        return self._by_ends.get((local, remote))

    def hear(self, record: TraceRecord) -> None:
        """An event of a connection: one that is not of a listener."""
        fields, mono = record.fields, record.time_ns * _NANO
        old, new = fields["oldstate"], fields["newstate"]
        if new == SYN_SENT:
            if len(self._dialling) < FLOWS_KEPT:
                self._dialling[fields["skaddr"]] = _Dialling(record.common_pid, mono)
            return
        ends = ends_of(fields)
        if new == ESTABLISHED and old in (SYN_SENT, SYN_RECV):
            self._on_established(fields["skaddr"], ends, "out" if old == SYN_SENT else "in", mono)
            return
        entry = self._by_ends.get(ends)
        if entry is None:
            self._dialling.pop(fields["skaddr"], None)
            return
        if entry.owner is None and is_by_caller(record):
            entry.owner = self._of_thread(record.common_pid)
            entry.info_changed = True
        if new == CLOSE and entry.closed is None:
            entry.closed = mono

    def end(self, closed: Sequence[TcpSocket], mono: float) -> bool:
        """What the feed told of. Whether there was any, now or before.

        It is read after the events: the beginning of what was so short may come with the next ones.
        """
        early, self._early = self._early, []
        for sock in early:
            self._on_destroyed(sock, mono)
        for sock in closed:
            if not self._on_destroyed(sock, mono) and len(self._early) < FLOWS_KEPT:
                self._early.append(sock)
        return bool(early or closed)

    def is_dump_due(self, mono: float) -> bool:
        return mono >= self._next_dump

    def is_seeking(self) -> bool:
        """Whether events spoke of some that a dump would show, were they ours."""
        return any(map(_is_sought, self._by_ends.values()))

    def take_dump(self, mono: float, existing: bool, polling: bool) -> None:
        """Join what sock_diag shows. `existing`: it was there before us; `polling`: no event will speak of it.

        Raises KernelError.
        """
        self._next_dump = mono + DUMP_S
        seen: Set[Ends] = set()
        for sock in self._dump():
            ends = (sock.local, sock.remote)
            seen.add(ends)
            entry = self._by_ends.get(ends)
            if entry is None or (entry.closed is not None and entry.cookie not in (0, sock.cookie)):
                if not sock.inode and not existing:
                    continue  # closed by its owner already: nobody's any more
                entry = self._new_entry(ends, "in" if self._is_door(sock.local) else "out", mono)
                if entry is None:
                    continue
                entry.existing = existing
                entry.heard = existing or polling
            if not entry.is_ours or entry.inode != sock.inode:
                entry.is_ours = True
                entry.cookie, entry.inode = sock.cookie, sock.inode or entry.inode
            entry.count(sock.info)
        self._note_unseen(seen, mono)

    def decide_unconfirmed(self, mono: float) -> None:
        """Flows that came and went, and that sock_diag never showed: ours if their process lives in our namespace."""
        for ends, entry in list(self._by_ends.items()):
            if entry.is_ours or entry.closed is None:
                continue
            there = None if entry.owner is None else procfs.namespace(entry.owner.pid)
            if there is not None and there == procfs.namespace("self"):
                # The feed of closed sockets may still bring its counters.
                entry.is_ours = mono - entry.closed > EVENT_WAIT_S
            elif there is not None or mono - entry.closed > FOREIGN_AFTER_S:
                self.foreign += 1
                del self._by_ends[ends]

    def forget_ended(self) -> None:
        """Those whose end was told."""
        for ends, entry in list(self._by_ends.items()):
            if entry.closed is not None and entry.told:
                del self._by_ends[ends]

    def _on_established(self, skaddr: int, ends: Ends, direction: str, mono: float) -> None:
        dialled = self._dialling.pop(skaddr, None)
        entry = self._by_ends.get(ends)
        if entry is not None and entry.told and entry.closed is None:
            entry.closed = mono  # the same ports again: the end of the one before was missed
        if entry is None or entry.closed is not None:
            entry = self._new_entry(ends, direction, mono)
        if entry is None:
            return
        # A dump may have shown it before its event was read; the event knows better who called whom, and when.
        entry.heard, entry.direction, entry.opened = True, direction, mono
        if dialled is not None:
            entry.owner = self._of_thread(dialled.thread)

    def _new_entry(self, ends: Ends, direction: str, mono: float) -> Optional[Connection]:
        before = self._by_ends.get(ends)
        if before is not None and before.closed is None:
            return before
        if len(self._by_ends) >= FLOWS_KEPT:
            self.dropped += 1
            return None
        self._number += 1
        entry = Connection("{}-{}".format(self._run, self._number), ends[0], ends[1], direction, mono)
        if before is not None and before.closed is not None:
            # The same ports again within one round: both are told.
            self._by_ends[(before.local, (before.remote[0], -self._number))] = before
        self._by_ends[ends] = entry
        return entry

    def _on_destroyed(self, sock: TcpSocket, mono: float) -> bool:
        """Whether it was the end of a flow that we know."""
        entry = self._by_ends.get((sock.local, sock.remote))
        if entry is None or (entry.cookie and entry.cookie != sock.cookie):
            return False
        entry.is_ours = True
        entry.cookie = sock.cookie
        entry.count(sock.info)
        if entry.closed is None:
            entry.closed = max(mono, entry.opened)  # `mono` is the round's begin, and it may be younger
        return True

    def _note_unseen(self, seen: Set[Ends], mono: float) -> None:
        for ends, entry in list(self._by_ends.items()):
            entry.unseen = 0 if ends in seen else entry.unseen + 1
            if entry.closed is None and entry.unseen:
                if entry.is_ours:
                    # A dump walks a table that changes under it, and may step over a socket that is there.
                    entry.closed = mono if entry.unseen >= DUMPS_TO_CLOSE else None
                elif mono - entry.opened > FOREIGN_AFTER_S:
                    self.foreign += 1
                    del self._by_ends[ends]
