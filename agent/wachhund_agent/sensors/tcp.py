"""TCP flows and listeners: every connection, whose it is, and how much went which way.

Source: tracepoint `inet_sock_set_state` for the event and its process, sock_diag for what is ours, its counters and its
inode, and the kernel's feed of closed sockets for final counters. Below it: a dump each second, which misses what lived
between two. Which connections there are is kept in tcp_connections; here is said whose they are, and what is news.
"""

from typing import Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.sock_diag import LISTEN, TcpSocket
from wachhund_agent.kernel.tracefs import TraceRecord
from wachhund_agent.sensors import tcp_event
from wachhund_agent.sensors.flow import Flow, whose
from wachhund_agent.sensors.process_table import ProcessTable
from wachhund_agent.sensors.scope import Scopes
from wachhund_agent.sensors.tcp_connections import EVENT_WAIT_S, Connection, Connections, dump_connected
from wachhund_agent.sensors.tcp_listeners import Change, Listener, Listeners
from wachhund_agent.sensors.tcp_owners import Owners
from wachhund_evidence import Observation

LISTEN_LOOK_S = 10.0
UPDATE_S = 10.0
OWNER_WAIT_S = 10.0  # a process that has not been found by then is looked for with each dump only


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
        self._own_inodes = own_inodes
        self._owners = Owners(table)
        self._listeners = Listeners(self._owners)
        self._scopes = Scopes()
        self._connections = Connections(
            run, self._owners.of_thread, lambda local: self._listeners.at(local) is not None, dump
        )
        self._next_listen = 0.0
        self._listeners_heard = False
        self._unsettled = True
        self._table: Optional[Dict[str, Flow]] = None
        self._table_own: FrozenSet[int] = frozenset()
        self.updates = True

    def take_rung(self, polling: bool) -> None:
        """From events to polls or back. What is known stays known."""
        self._polling = polling
        self._sensor = "tcp/sock_diag" if polling else "tcp/tracefs"

    @property
    def dropped(self) -> int:
        """Flows for which there was no room."""
        return self._connections.dropped

    @property
    def foreign(self) -> int:
        """Flows of other network namespaces."""
        return self._connections.foreign

    @property
    def flows(self) -> Mapping[str, Flow]:
        """The open flows of this robot by id, one table for all who ask; another one whenever something changed."""
        own = self._own_inodes()
        if self._table is None or own != self._table_own:
            self._table_own = own
            self._table = {
                entry.flow: self._flow(entry, own)
                for entry in self._connections.all()
                if entry.told and entry.closed is None
            }
        return self._table

    @property
    def is_settled(self) -> bool:
        """Whether all that is known of has been told, with its process."""
        return not (self._unsettled or self._listeners.seeks)

    def doors(self) -> List[Tuple[str, int, str]]:
        """The listeners as (protocol, port, who can reach it)."""
        return [("tcp", local[1], self._scopes.of_listener(local[0])) for local in self._listeners.locals()]

    def existing(self, mono: float) -> List[Observation]:
        """The listeners and flows that are there already. Raises KernelError."""
        self._scopes.refresh(mono)
        self._owners.begin()
        found = [self._listen_told(change, mono) for change in self._listeners.look(mono, existing=True)]
        self._connections.take_dump(mono, existing=True, polling=self._polling)
        return found + self._settle(mono)

    def drain(self, records: Sequence[TraceRecord], closed: Sequence[TcpSocket], mono: float) -> List[Observation]:
        """One round: events of the tracepoint, closed sockets of the feed, and a dump where one is due.

        Raises KernelError when the dump fails.
        """
        self._scopes.refresh(mono)
        self._owners.begin()
        states = [record for record in records if record.event == tcp_event.NAME]
        for record in states:
            if tcp_event.is_of_listener(record):
                self._on_listener(record)
            else:
                self._connections.hear(record)
        found: List[Observation] = []
        if self._listeners_heard or mono >= self._next_listen:
            self._listeners_heard = False
            found += [self._listen_told(change, mono) for change in self._listeners.look(mono)]
            self._next_listen = mono + (1.0 if self._polling or self._listeners.seeks else LISTEN_LOOK_S)
        has_ended = self._connections.end(closed, mono)
        changed = bool(states or has_ended or self._unsettled)
        if self._polling or self._connections.is_dump_due(mono) or (changed and self._connections.is_seeking()):
            self._connections.take_dump(mono, existing=False, polling=self._polling)
            changed = True
        return found + self._settle(mono) if changed else found

    def _on_listener(self, record: TraceRecord) -> None:
        self._listeners_heard = True
        if record.fields["newstate"] == LISTEN:
            owner = self._owners.of_thread(record.common_pid) if tcp_event.is_by_caller(record) else None
            self._listeners.heard(tcp_event.ends_of(record.fields)[0], owner)

    def _settle(self, mono: float) -> List[Observation]:
        """Find the owners and peers that are still missing, and tell what is new."""
        self._table = None
        self._connections.decide_unconfirmed(mono)
        ours = self._connections.ours()
        for entry in ours:
            self._find_owner(entry, mono)
        found: List[Observation] = []
        for entry in ours:
            self._find_peer(entry)
            found += self._told(entry, mono)
        self._connections.forget_ended()
        self._unsettled = any(
            not entry.told or (entry.owner is None and mono - entry.opened < OWNER_WAIT_S)
            for entry in self._connections.all()
        )
        return found

    def _find_owner(self, entry: Connection, mono: float) -> None:
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

    def _find_peer(self, entry: Connection) -> None:
        other = self._connections.between(entry.remote, entry.local)
        if other is not None and other.owner is not None and other.owner != entry.peer:
            entry.peer = other.owner
            entry.info_changed = True

    def _told(self, entry: Connection, mono: float) -> List[Observation]:
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

    def _flow(self, entry: Connection, own: FrozenSet[int]) -> Flow:
        scope = self._scopes.of(entry.remote[0])
        return Flow(
            entry.flow, entry.local, entry.remote, entry.direction, scope, entry.owner, entry.peer,
            entry.cookie, entry.inode, entry.opened, entry.inode in own, entry.bytes_in, entry.bytes_out,
        )  # fmt: skip

    def _observation(self, kind: str, entry: Connection, mono: float) -> Observation:
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
