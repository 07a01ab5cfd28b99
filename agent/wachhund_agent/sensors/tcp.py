"""TCP flows and listeners: every connection, whose it is, and how much went which way.

Source: tracepoint `inet_sock_set_state` for the event and its process, sock_diag for what is ours, its counters and its
inode, and the kernel's feed of closed sockets for final counters. Below it: a dump each second, which misses what lived
between two. The tracepoint sees all network namespaces; only what sock_diag shows too is this robot's.
"""

import socket
from typing import Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.sock_diag import (
    ESTABLISHED,
    LISTEN,
    STATES_CONNECTED,
    SYN_RECV,
    SYN_SENT,
    Endpoint,
    TcpCounters,
    TcpSocket,
    address_text,
    dump_tcp,
)
from wachhund_agent.kernel.tracefs import TraceRecord
from wachhund_agent.sensors.flow import Flow, Owner, whose
from wachhund_agent.sensors.process_table import ProcessTable
from wachhund_agent.sensors.scope import Scopes
from wachhund_agent.sensors.tcp_listeners import Change, Listener, Listeners
from wachhund_agent.sensors.tcp_owners import Owners
from wachhund_evidence import Observation

FLOWS_KEPT = 16384
DUMP_S = 2.0
DUMPS_TO_CLOSE = 2  # that do not show a flow, where no event told its end
LISTEN_LOOK_S = 10.0
UPDATE_S = 10.0
EVENT_WAIT_S = 0.5  # a dump may be ahead of the events: two rounds
OWNER_WAIT_S = 10.0  # a process that has not been found by then is looked for with each dump only
SOUGHT_DUMPS = 3  # a flow of ours stands in the first dump after its event; then the next is awaited
FOREIGN_AFTER_S = 3.0  # a flow that no dump has shown for this long is another namespace's
_CLOSE = 7
_INTERRUPTED = 0x18  # softirq or hardirq: the running thread has nothing to do with the event
_NANO = 1e-9

Ends = Tuple[Endpoint, Endpoint]


class _Entry:
    """What is known of one connection so far."""

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


def _is_sought(entry: _Entry) -> bool:
    """Does an event speak of it, and no dump yet?"""
    return not entry.is_ours and entry.closed is None and entry.unseen < SOUGHT_DUMPS


def _ends(fields: Mapping[str, object]) -> Ends:
    family = int(fields["family"])  # type: ignore[call-overload]
    suffix = "" if family == socket.AF_INET else "_v6"
    source, target = fields["saddr" + suffix], fields["daddr" + suffix]
    ports = fields["sport"], fields["dport"]
    return (
        (address_text(family, source), ports[0]),  # type: ignore[arg-type,return-value]
        (address_text(family, target), ports[1]),  # type: ignore[arg-type]
    )


class TcpSensor:
    """`own_inodes`: the agent's own sockets, known by inode and not by name. `run`: marks this agent run's flow ids.

    `name_of`: the name by which an address was looked up. `updates`: whether counters are told; news always are.
    """

    def __init__(
        self,
        table: ProcessTable,
        run: str,
        polling: bool,
        own_inodes: Callable[[], FrozenSet[int]] = frozenset,
        dump: Callable[[], Sequence[TcpSocket]] = dump_connected,
        name_of: Callable[[str], Optional[str]] = lambda address: None,
    ) -> None:
        self._name_of = name_of
        self.take_rung(polling)
        self._run = run
        self._own_inodes = own_inodes
        self._dump = dump
        self._owners = Owners(table)
        self._listeners = Listeners(self._owners)
        self._scopes = Scopes()
        self._by_ends: Dict[Ends, _Entry] = {}
        self._dialling: Dict[int, _Dialling] = {}
        self._early: List[TcpSocket] = []
        self._number = 0
        self._next_dump = self._next_listen = 0.0
        self._listeners_heard = False
        self._unsettled = True
        self._table: Optional[Dict[str, Flow]] = None
        self._table_own: FrozenSet[int] = frozenset()
        self.dropped = 0
        self.foreign = 0
        self.updates = True

    def take_rung(self, polling: bool) -> None:
        """From events to polls or back. What is known stays known."""
        self._polling = polling
        self._sensor = "tcp/sock_diag" if polling else "tcp/tracefs"

    @property
    def flows(self) -> Mapping[str, Flow]:
        """The open flows of this robot by id, one table for all who ask; another one whenever something changed."""
        own = self._own_inodes()
        if self._table is None or own != self._table_own:
            self._table_own = own
            self._table = {
                entry.flow: self._flow(entry, own)
                for entry in self._by_ends.values()
                if entry.told and entry.closed is None
            }
        return self._table

    @property
    def is_settled(self) -> bool:
        """Whether all that is known of has been told, with its process."""
        return not self._unsettled

    def doors(self) -> List[Tuple[str, int, str]]:
        """The listeners as (protocol, port, who can reach it)."""
        return [("tcp", local[1], self._scopes.of_listener(local[0])) for local in self._listeners.locals()]

    def existing(self, mono: float) -> List[Observation]:
        """The listeners and flows that are there already. Raises KernelError."""
        self._scopes.refresh(mono)
        self._owners.begin()
        found = [self._listen_told(change, mono) for change in self._listeners.look(mono, existing=True)]
        self._take_dump(mono, existing=True)
        return found + self._settle(mono)

    def drain(self, records: Sequence[TraceRecord], closed: Sequence[TcpSocket], mono: float) -> List[Observation]:
        """One round: events of the tracepoint, closed sockets of the feed, and a dump where one is due.

        Raises KernelError when the dump fails.
        """
        self._scopes.refresh(mono)
        self._owners.begin()
        states = [record for record in records if record.event == "inet_sock_set_state"]
        for record in states:
            self._on_state(record)
        found: List[Observation] = []
        if self._listeners_heard or mono >= self._next_listen:
            self._listeners_heard = False
            self._next_listen = mono + (1.0 if self._polling else LISTEN_LOOK_S)
            found += [self._listen_told(change, mono) for change in self._listeners.look(mono)]
        # The feed is read after the events: the beginning of what was so short may come with the next ones.
        early, self._early = self._early, []
        for sock in early:
            self._on_destroyed(sock, mono)
        for sock in closed:
            if not self._on_destroyed(sock, mono) and len(self._early) < FLOWS_KEPT:
                self._early.append(sock)
        changed = bool(states or early or closed or self._unsettled)
        if self._polling or mono >= self._next_dump or (changed and any(map(_is_sought, self._by_ends.values()))):
            self._take_dump(mono)
            changed = True
        return found + self._settle(mono) if changed else found

    def _on_state(self, record: TraceRecord) -> None:
        fields, mono = record.fields, record.time_ns * _NANO
        old, new = fields["oldstate"], fields["newstate"]
        is_caller = not record.flags & _INTERRUPTED
        if new == SYN_SENT:
            if len(self._dialling) < FLOWS_KEPT:
                self._dialling[fields["skaddr"]] = _Dialling(record.common_pid, mono)
            return
        ends = _ends(fields)
        if new == LISTEN or (old == LISTEN and new == _CLOSE):
            self._listeners_heard = True
            if new == LISTEN:
                self._listeners.heard(ends[0], self._owners.of_thread(record.common_pid) if is_caller else None)
            return
        if new == ESTABLISHED and old in (SYN_SENT, SYN_RECV):
            self._on_established(fields["skaddr"], ends, "out" if old == SYN_SENT else "in", mono)
            return
        entry = self._by_ends.get(ends)
        if entry is None:
            self._dialling.pop(fields["skaddr"], None)
            return
        if entry.owner is None and is_caller:
            entry.owner = self._owners.of_thread(record.common_pid)
            entry.info_changed = True
        if new == _CLOSE and entry.closed is None:
            entry.closed = mono

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
            entry.owner = self._owners.of_thread(dialled.thread)

    def _new_entry(self, ends: Ends, direction: str, mono: float) -> Optional[_Entry]:
        before = self._by_ends.get(ends)
        if before is not None and before.closed is None:
            return before
        if len(self._by_ends) >= FLOWS_KEPT:
            self.dropped += 1
            return None
        self._number += 1
        entry = _Entry("{}-{}".format(self._run, self._number), ends[0], ends[1], direction, mono)
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

    def _take_dump(self, mono: float, existing: bool = False) -> None:
        self._next_dump = mono + DUMP_S
        seen = set()
        for sock in self._dump():
            ends = (sock.local, sock.remote)
            seen.add(ends)
            entry = self._by_ends.get(ends)
            if entry is None or (entry.closed is not None and entry.cookie not in (0, sock.cookie)):
                if not sock.inode and not existing:
                    continue  # closed by its owner already: nobody's any more
                entry = self._new_entry(ends, "in" if self._listeners.at(sock.local) else "out", mono)
                if entry is None:
                    continue
                entry.existing = existing
                entry.heard = existing or self._polling
            if not entry.is_ours or entry.inode != sock.inode:
                entry.is_ours = True
                entry.cookie, entry.inode = sock.cookie, sock.inode or entry.inode
            entry.count(sock.info)
        for ends, entry in list(self._by_ends.items()):
            entry.unseen = 0 if ends in seen else entry.unseen + 1
            if entry.closed is None and entry.unseen:
                if entry.is_ours:
                    # A dump walks a table that changes under it, and may step over a socket that is there.
                    entry.closed = mono if entry.unseen >= DUMPS_TO_CLOSE else None
                elif mono - entry.opened > FOREIGN_AFTER_S:
                    self.foreign += 1
                    del self._by_ends[ends]

    def _settle(self, mono: float) -> List[Observation]:
        """Find the owners and peers that are still missing, and tell what is new."""
        self._table = None
        for ends, entry in list(self._by_ends.items()):
            if not entry.is_ours and entry.closed is not None:
                self._decide_unconfirmed(ends, entry, mono)
            if entry.is_ours:
                self._find_owner(entry, mono)
        found: List[Observation] = []
        for entry in list(self._by_ends.values()):
            if entry.is_ours:
                self._find_peer(entry)
                found += self._told(entry, mono)
        for ends, entry in list(self._by_ends.items()):
            if entry.closed is not None and entry.told:
                del self._by_ends[ends]
        self._unsettled = any(
            not entry.told or (entry.owner is None and mono - entry.opened < OWNER_WAIT_S)
            for entry in self._by_ends.values()
        )
        return found

    def _decide_unconfirmed(self, ends: Ends, entry: _Entry, mono: float) -> None:
        """A flow that came and went, and that sock_diag never showed: ours if its process lives in our namespace."""
        there = None if entry.owner is None else procfs.namespace(entry.owner.pid)
        if there is not None and there == procfs.namespace("self"):
            # The feed of closed sockets may still bring its counters.
            entry.is_ours = entry.closed is not None and mono - entry.closed > EVENT_WAIT_S
        elif there is not None or (entry.closed is not None and mono - entry.closed > FOREIGN_AFTER_S):
            self.foreign += 1
            del self._by_ends[ends]

    def _find_owner(self, entry: _Entry, mono: float) -> None:
        if entry.owner is not None and (entry.direction == "out" or entry.told):
            return
        listener: Optional[Listener] = self._listeners.at(entry.local) if entry.direction == "in" else None
        by_listener = None if listener is None else listener.owner
        owner = None
        if entry.inode and entry.closed is None:
            if by_listener is not None:
                owner = self._owners.among(entry.inode, by_listener.pid)
            owner = owner or self._owners.anywhere(entry.inode, mono)
        if owner is None and by_listener is not None and (entry.owner is None or entry.owner.exe != by_listener.exe):
            # Who closed it last may be a child that merely inherited it; one that serves runs the server's program.
            owner = by_listener
        owner = owner or entry.owner
        if owner is not None and owner != entry.owner:
            entry.owner = owner
            entry.info_changed = True

    def _find_peer(self, entry: _Entry) -> None:
        other = self._by_ends.get((entry.remote, entry.local))
        if other is not None and other.owner is not None and other.owner != entry.peer:
            entry.peer = other.owner
            entry.info_changed = True

    def _told(self, entry: _Entry, mono: float) -> List[Observation]:
        found: List[Observation] = []
        if not entry.heard and mono - entry.opened < EVENT_WAIT_S and entry.closed is None:
            return found
        if not entry.told:
            entry.told, entry.info_changed, entry.told_at = True, False, mono
            found.append(self._observation("flow.open", entry, entry.opened))
        moved = entry.bytes_in + entry.bytes_out
        if entry.closed is not None:
            found.append(self._observation("flow.close", entry, entry.closed))
        elif entry.info_changed or (self.updates and moved != entry.told_bytes and mono - entry.told_at >= UPDATE_S):
            entry.info_changed, entry.told_at, entry.told_bytes = False, mono, moved
            found.append(self._observation("flow.update", entry, mono))
        return found

    def _flow(self, entry: _Entry, own: FrozenSet[int]) -> Flow:
        scope = self._scopes.of(entry.remote[0])
        return Flow(
            entry.flow, entry.local, entry.remote, entry.direction, scope, entry.owner, entry.peer,
            entry.cookie, entry.inode, entry.opened, entry.inode in own, entry.bytes_in, entry.bytes_out,
        )  # fmt: skip

    def _observation(self, kind: str, entry: _Entry, mono: float) -> Observation:
        flow = self._flow(entry, self._own_inodes())
        owner, peer = flow.owner, flow.peer
        fields = {
            "flow": flow.flow,
            "proto": "tcp",
            "direction": flow.direction,
            "local": list(flow.local),
            "remote": list(flow.remote),
            "scope": flow.scope,
            "remote_name": self._name_of(flow.remote[0]),
            **whose(owner, peer),
            "bytes_out": entry.bytes_out,
            "bytes_in": entry.bytes_in,
            "duration_s": round(max(0.0, mono - entry.opened), 3),
        }
        if entry.existing:
            fields["existing"] = True
        if flow.own:
            fields["own"] = True
        return Observation(kind, wall(mono), mono, self._sensor, fields)

    def _listen_told(self, change: Change, mono: float) -> Observation:
        owner = change.listener.owner
        fields = {
            "proto": "tcp",
            "local": list(change.listener.local),
            "scope": self._scopes.of_listener(change.listener.local[0]),
            "puid": None if owner is None else owner.puid,
            "pid": None if owner is None else owner.pid,
            "exe": None if owner is None else owner.exe,
            "user": None if owner is None else owner.user,
        }
        if change.existing:
            fields["existing"] = True
        return Observation(change.kind, wall(mono), mono, self._sensor, fields)
