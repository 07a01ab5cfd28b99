"""What the judge keeps in mind of one robot: its processes, flows and listeners. Bounded; the ledger holds the rest."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wachhund.judge.outer_flows import OuterFlows
from wachhund.judge.reading import FlowFact, ListenFact, ProcessFact
from wachhund.judge.reading_network import LinkFact
from wachhund.judge.surfaces import is_known_port
from wachhund.judge.typed import Endpoint

# What ended is kept a little, because facts arrive out of order and stories look back. Seconds of host time.
KEEP_ENDED_S = 120.0
# Bounds against a robot that opens and never closes (or a sensor that misses ends). A stock robot has some 300
# processes and 100 flows; the oldest goes first, of listeners the oldest that is at no known control surface.
MAX_PROCESSES = 8_192
MAX_FLOWS = 8_192
MAX_LISTENERS = 1_024
MAX_FAMILY = 64
MAX_LINKS = 256  # as many as an agent tells
MAX_VIEWS = 256  # looks by programs of the robot, by camera and program

PROCESS, FLOW, LISTENER, VIEW = "process", "flow", "listener", "view"
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  compared with, never bound to


@dataclass(slots=True)
class Flow:
    """A connection as far as it was told: later facts fill what earlier ones lacked."""

    fact: FlowFact
    first_t: float
    last_t: float
    closed_t: float | None = None
    mono: float = float("-inf")  # robot's time of the newest fact of it
    stale: bool = False  # of an agent run that has ended; waits to be announced again
    weighed: bool = False  # held against the accepted baseline
    told_hours: int = 0  # for how many it was told that it is held


@dataclass(slots=True)
class Memory:
    """One robot's present, by ids."""

    processes: dict[str, ProcessFact] = field(default_factory=dict)
    by_pid: dict[int, str] = field(default_factory=dict)
    children: dict[int, dict[str, None]] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    by_ends: dict[tuple[Endpoint, Endpoint], str] = field(default_factory=dict)
    by_owner: dict[str, dict[str, None]] = field(default_factory=dict)
    outer: OuterFlows = field(default_factory=OuterFlows)
    links: dict[str, LinkFact] = field(default_factory=dict)
    listeners: dict[int, dict[tuple[str, str | None], ListenFact]] = field(default_factory=dict)
    views: dict[str, float] = field(default_factory=dict)  # looks that go on, and when they were told (robot's time)
    unseen: dict[tuple[str, object], None] = field(default_factory=dict)  # what and which; not told again by a new run
    _ended: dict[tuple[str, str], float] = field(default_factory=dict)  # what, which: when (host time), the first first

    # -- processes

    def started(self, process: ProcessFact) -> None:
        """A process began, or took another program (the same puid)."""
        known = self.processes.get(process.puid)
        if known is None and len(self.processes) >= MAX_PROCESSES:
            self._drop_process(next(iter(self.processes)))
        if known is not None and (known.pid, known.ppid) != (process.pid, process.ppid):
            self._leave_family(known)
        if self.unseen:
            self.unseen.pop((PROCESS, process.puid), None)
        if process.existing:
            self._ended.pop((PROCESS, process.puid), None)  # a new run found it later than it was waited for
        self.processes[process.puid] = process
        self.by_pid[process.pid] = process.puid
        if process.ppid is not None:
            of_parent = self.children.setdefault(process.ppid, {})
            if len(of_parent) < MAX_FAMILY:
                of_parent[process.puid] = None

    def exited(self, puid: str, t: float) -> None:
        """A process ended; it is forgotten after KEEP_ENDED_S."""
        process = self.processes.get(puid)
        if process is not None:
            process.left_t = t
            self._ended.setdefault((PROCESS, puid), t)

    def ancestors(self, puid: str | None, pid: int | None = None) -> Iterator[tuple[int, str | None]]:
        """(pid, puid if known) of the process's parents, nearest first, as far as told or remembered."""
        process = self.processes.get(puid) if puid else None
        if process is None and pid is not None and puid is None:
            process = self.processes.get(self.by_pid.get(pid, ""))
        if process is None:
            return
        seen = {process.pid}
        line = process.ancestry or self._remembered_line(process)
        for ancestor, _ in line:
            if ancestor in seen or ancestor <= 1:
                return
            seen.add(ancestor)
            yield ancestor, self.by_pid.get(ancestor)

    def _remembered_line(self, process: ProcessFact) -> list[tuple[int, str | None]]:
        line: list[tuple[int, str | None]] = []
        parent = process.ppid
        while parent is not None and parent > 1 and len(line) < 8:
            line.append((parent, None))
            above = self.processes.get(self.by_pid.get(parent, ""))
            parent = above.ppid if above else None
        return line

    def command_of(self, puid: str | None) -> tuple[str, ...]:
        """The arguments a process was started with; empty when not known."""
        process = self.processes.get(puid) if puid else None
        return process.argv if process else ()

    # -- flows

    def flow_told(self, fact: FlowFact, t: float, closed: bool, mono: float = float("-inf")) -> Flow:
        """Take what a flow.* fact says. Late, doubled and missing facts are all the same to it.

        `t`: host time; `mono`: the robot's own.
        """
        known = self.flows.get(fact.flow)
        if known is None:
            if len(self.flows) >= MAX_FLOWS:
                self._drop_flow(next(iter(self.flows)))
            known = self.flows[fact.flow] = Flow(fact, t, t)
        else:
            before, known.fact = known.fact, _filled(known.fact, fact)
            if before.puid != known.fact.puid:
                self._disown(before)
            if (before.local, before.remote) != (known.fact.local, known.fact.remote):
                self._leave_ends(before)
            known.first_t = min(known.first_t, t)
            known.last_t = max(known.last_t, t)
        known.mono = max(known.mono, mono)
        fact = known.fact
        self.outer.told(fact.flow, fact.scope, fact.puid)
        if fact.puid is not None:
            self.by_owner.setdefault(fact.puid, {})[fact.flow] = None
        if fact.local is not None and fact.remote is not None and known.closed_t is None:
            self.by_ends[(fact.local, fact.remote)] = fact.flow
        if closed and known.closed_t is None:
            known.closed_t = t
            self._ended.setdefault((FLOW, fact.flow), t)
        return known

    def mate(self, flow: Flow) -> Flow | None:
        """The same connection seen from its other end on this robot."""
        fact = flow.fact
        if fact.local is None or fact.remote is None:
            return None
        other = self.flows.get(self.by_ends.get((fact.remote, fact.local), ""))
        return None if other is None or other is flow else other

    def flows_of(self, puid: str | None) -> Iterator[Flow]:
        """The flows a process holds or held lately, oldest first."""
        for flow in self.by_owner.get(puid or "", ()):
            yield self.flows[flow]

    def outer_flows_of(self, puid: str) -> Iterator[Flow]:
        """Those to the outside, as many as are looked at (OuterFlows), oldest first."""
        for flow in self.outer.of(puid):
            yield self.flows[flow]

    def family(self, puid: str | None) -> list[str]:
        """A process, its parent and its children: those that commonly share one relay's work."""
        process = self.processes.get(puid) if puid else None
        if puid is None or process is None:
            return [puid] if puid else []
        parent = self.by_pid.get(process.ppid) if process.ppid is not None and process.ppid > 1 else None
        return [puid, *([parent] if parent else []), *self.children.get(process.pid, ())]

    def agent_began(self, mono: float) -> None:
        """A new run of the agent, at that time of the robot's: what was told before counts only when told again."""
        for flow in self.flows.values():
            flow.stale = flow.closed_t is None and flow.mono < mono
        processes = [one for one in self.processes.values() if one.told_mono < mono]
        listeners = [one for at_port in self.listeners.values() for one in at_port.values() if one.told_mono < mono]
        self.unseen = {(PROCESS, one.puid): None for one in processes}
        self.unseen.update(((LISTENER, (one.local, one.puid)), None) for one in listeners)
        self.unseen.update(((VIEW, name), None) for name, told in self.views.items() if told < mono)

    def end_stale(self, now: float) -> list[Flow]:
        """Flows that were not told again have ended when they were told last. Returns them."""
        ended = [flow for flow in self.flows.values() if flow.stale]
        for flow in ended:
            flow.stale, flow.closed_t = False, flow.last_t
            self._ended.setdefault((FLOW, flow.fact.flow), now)
        return ended

    def end_unseen(self, now: float) -> list[tuple[str, object]]:
        """So have processes, listeners and looks. Returns all that was not told again."""
        ended, self.unseen = list(self.unseen), {}
        for what, which in ended:
            if what == PROCESS:
                self.exited(str(which), now)
            elif what == VIEW:
                self.views.pop(str(which), None)
        gone = {which for what, which in ended if what == LISTENER}
        for fact in [one for at_port in self.listeners.values() for one in at_port.values()] if gone else ():
            if (fact.local, fact.puid) in gone:
                self.listens_no_more(fact)
        return ended

    def announced_again(self, fact: FlowFact) -> Flow | None:
        """The stale flow that a flow of a new run goes on with, taken out of the stale ones."""
        if fact.local is None or fact.remote is None:
            return None
        old = self.flows.get(self.by_ends.get((fact.local, fact.remote), ""))
        if old is None or not old.stale or old.fact.flow == fact.flow:
            return None
        self._drop_flow(old.fact.flow)
        return old

    # -- listeners

    def listens(self, fact: ListenFact) -> None:
        """A listener opened."""
        address, port = fact.local
        if self.unseen:
            self.unseen.pop((LISTENER, (fact.local, fact.puid)), None)
        if port not in self.listeners and len(self.listeners) >= MAX_LISTENERS:
            # Who opens ports without end does not push out those by which visitors come in.
            unknown = (other for other in self.listeners if not is_known_port(other))
            self.listeners.pop(next(unknown, next(iter(self.listeners))))
        at_port = self.listeners.setdefault(port, {})
        if len(at_port) < MAX_FAMILY:
            at_port[(address, fact.puid)] = fact

    def listens_no_more(self, fact: ListenFact) -> None:
        """A listener closed."""
        address, port = fact.local
        at_port = self.listeners.get(port, {})
        at_port.pop((address, fact.puid), None)
        if not at_port:
            self.listeners.pop(port, None)

    def listener_at(self, local: Endpoint | None) -> ListenFact | None:
        """Who listens where a connection was accepted; an exact address goes before a wildcard."""
        if local is None:
            return None
        at_port = self.listeners.get(local[1], {})
        exact = [fact for (address, _), fact in at_port.items() if address == local[0]]
        wild = [fact for (address, _), fact in at_port.items() if address in WILDCARDS]
        return next(iter(exact or wild), None)

    def listeners_of(self, puids: Iterable[str]) -> list[ListenFact]:
        """Where these processes listen."""
        wanted = set(puids)
        return [fact for at_port in self.listeners.values() for fact in at_port.values() if fact.puid in wanted]

    # -- interfaces

    def link_told(self, fact: LinkFact) -> LinkFact | None:
        """An interface as it is now. Returns how it was before."""
        before = self.links.pop(fact.name, None) or self.links.pop(_nameless(fact.name), None)
        if not fact.gone:
            if len(self.links) >= MAX_LINKS:
                # Who makes links without end does not push out the one by which he comes in.
                others = (name for name, link in self.links.items() if not link.leads_away)
                self.links.pop(next(others, next(iter(self.links))))
            self.links[fact.name] = fact
        return before

    def tunnel_of(self, flow: Flow) -> LinkFact | None:
        """The tunnel interface by which a connection from outside came. By a modem somebody from the internet comes
        straight; who has a local network's address there came through one.
        """
        told = flow.fact
        if told.direction == "through":  # it only crosses the robot, which has no end of it
            here, there = "", told.source[0] if told.source is not None else None
            is_local = told.source_scope == "lan"
        else:
            here, there = told.local[0] if told.local else "", told.remote[0] if told.remote and told.local else None
            is_local = told.scope == "lan"
        if there is None:
            return None
        able = (link for link in self.links.values() if link.is_tunnel or (is_local and link.leads_away))
        return next((link for link in able if link.carries(here, there)), None)

    # -- looks

    def view_told(self, name: str, mono: float, closed: bool) -> None:
        """A look through a camera or microphone goes on, or is over."""
        self.unseen.pop((VIEW, name), None)
        self.views.pop(name, None)
        if not closed:
            if len(self.views) >= MAX_VIEWS:
                self.views.pop(next(iter(self.views)))
            self.views[name] = mono

    # -- forgetting

    def forget(self, now: float) -> None:
        """Drop what ended more than KEEP_ENDED_S before `now` (host time of the newest fact)."""
        while self._ended and next(iter(self._ended.values())) < now - KEEP_ENDED_S:
            what, name = next(iter(self._ended))
            del self._ended[(what, name)]
            if what == FLOW:
                self._drop_flow(name)
            else:
                self._drop_process(name)

    def forget_span(self, from_t: float, to_t: float) -> None:
        """Drop what was told in a span of host time, also what is still there."""
        for name in [name for name, flow in self.flows.items() if flow.first_t <= to_t and flow.last_t >= from_t]:
            self._drop_flow(name)
        for puid in [puid for puid, process in self.processes.items() if from_t <= process.told_t <= to_t]:
            self._drop_process(puid)
        for told in [told for at_port in self.listeners.values() for told in at_port.values()]:
            if from_t <= told.told_t <= to_t:
                self.listens_no_more(told)
        self.views.clear()  # they have no time of the host; sessions hold them
        self.unseen.clear()
        # An interface is the robot's, and what comes by it is still to be known; its name, and who is at its other end,
        # may be a person's.
        links, self.links = self.links, {}
        for link in links.values():
            of_it = from_t <= link.told_t <= to_t
            name = _nameless(link.name) if of_it else link.name
            self.links[name] = replace(link, name=name, endpoints=())

    def _drop_flow(self, name: str) -> None:
        flow = self.flows.pop(name, None)
        self._ended.pop((FLOW, name), None)
        if flow is not None:
            self.outer.drop(name)
            self._leave_ends(flow.fact)
            self._disown(flow.fact)

    def _leave_ends(self, fact: FlowFact) -> None:
        """It is not between these ends, or not any more."""
        if fact.local is None or fact.remote is None:
            return
        if self.by_ends.get((fact.local, fact.remote)) == fact.flow:
            del self.by_ends[(fact.local, fact.remote)]

    def _disown(self, fact: FlowFact) -> None:
        """It is not its owner's any more."""
        owned = self.by_owner.get(fact.puid or "")
        if owned is not None:
            owned.pop(fact.flow, None)
            if not owned:
                del self.by_owner[fact.puid or ""]

    def _drop_process(self, puid: str) -> None:
        process = self.processes.pop(puid, None)
        self._ended.pop((PROCESS, puid), None)
        if process is not None:
            self._leave_family(process)

    def _leave_family(self, process: ProcessFact) -> None:
        """It does not have its pid and its parent any more."""
        if self.by_pid.get(process.pid) == process.puid:
            del self.by_pid[process.pid]
        siblings = self.children.get(process.ppid) if process.ppid is not None else None
        if siblings is not None and process.ppid is not None:
            siblings.pop(process.puid, None)
            if not siblings:
                del self.children[process.ppid]


def _nameless(link: str) -> str:
    """How an interface is called whose name was erased: it is known again when it is told of."""
    return f"erased-{hashlib.sha256(link.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _filled(old: FlowFact, new: FlowFact) -> FlowFact:
    """The newer fact, with what only the older one knew. Byte counts never fall."""
    return replace(
        new,
        direction=new.direction or old.direction,
        local=new.local or old.local,
        remote=new.remote or old.remote,
        scope=new.scope or old.scope,
        puid=new.puid or old.puid,
        pid=new.pid if new.pid is not None else old.pid,
        exe=new.exe or old.exe,
        user=new.user or old.user,
        peer=new.peer if new.peer is not None and (new.peer.puid or new.peer.exe) else old.peer,
        bytes_in=_larger(old.bytes_in, new.bytes_in),
        bytes_out=_larger(old.bytes_out, new.bytes_out),
        existing=old.existing or new.existing,
        own=old.own or new.own,
        name=new.name or old.name,
    )


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
