"""The connections of a robot that the judge has in mind, by id, by their ends and by who holds them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from wachhund.judge.ended import FLOW, Ended
from wachhund.judge.outer_flows import OuterFlows
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.typed import Endpoint

# A bound against a robot that opens and never closes (or a sensor that misses ends); the oldest goes first. A stock
# robot has some 100 flows.
MAX_FLOWS = 8_192


@dataclass(slots=True)
class Flow:
    """A connection as far as it was told: later facts fill what earlier ones lacked."""

    fact: FlowFact
    first_t: float
    last_t: float
    closed_t: float | None = None
    mono: float = float("-inf")  # robot's time of the newest fact of it
    opened: float = float("-inf")  # and of the first
    stale: bool = False  # of an agent run that has ended; waits to be announced again
    weighed: bool = False  # held against the accepted baseline
    told_hours: int = 0  # for how many it was told that it is held


@dataclass(slots=True)
class Flows:
    """One robot's connections."""

    ended: Ended
    by_id: dict[str, Flow] = field(default_factory=dict)
    by_ends: dict[tuple[Endpoint, Endpoint], str] = field(default_factory=dict)
    by_owner: dict[str, dict[str, None]] = field(default_factory=dict)
    outer: OuterFlows = field(default_factory=OuterFlows)

    def told(self, fact: FlowFact, t: float, closed: bool, mono: float = float("-inf")) -> Flow:
        """Take what a flow.* fact says. Late, doubled and missing facts are all the same to it.

        `t`: host time; `mono`: the robot's own.
        """
        known = self.by_id.get(fact.flow)
        if known is None:
            if len(self.by_id) >= MAX_FLOWS:
                self.drop(next(iter(self.by_id)))
            known = self.by_id[fact.flow] = Flow(fact, t, t, opened=mono)
        else:
            before, known.fact = known.fact, _filled(known.fact, fact)
            if before.puid != known.fact.puid:
                self._disown(before)
            if (before.local, before.remote) != (known.fact.local, known.fact.remote):
                self._leave_ends(before)
            known.first_t, known.opened = min(known.first_t, t), min(known.opened, mono)
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
            self.ended.note(FLOW, fact.flow, t)
        return known

    def mate(self, flow: Flow) -> Flow | None:
        """The same connection seen from its other end on this robot."""
        fact = flow.fact
        if fact.local is None or fact.remote is None:
            return None
        other = self.by_id.get(self.by_ends.get((fact.remote, fact.local), ""))
        return None if other is None or other is flow else other

    def of(self, puid: str | None) -> Iterator[Flow]:
        """Those that a process holds or held lately, oldest first."""
        for flow in self.by_owner.get(puid or "", ()):
            yield self.by_id[flow]

    def outer_of(self, puid: str) -> Iterator[Flow]:
        """Those to the outside, as many as are looked at (OuterFlows), oldest first."""
        for flow in self.outer.of(puid):
            yield self.by_id[flow]

    def agent_began(self, mono: float) -> None:
        """A new run of the agent, at that time of the robot's: what was told before counts only when told again."""
        for flow in self.by_id.values():
            flow.stale = flow.closed_t is None and flow.mono < mono

    def announced_again(self, fact: FlowFact) -> Flow | None:
        """The stale flow that a flow of a new run goes on with, taken out of the stale ones."""
        if fact.local is None or fact.remote is None:
            return None
        old = self.by_id.get(self.by_ends.get((fact.local, fact.remote), ""))
        if old is None or not old.stale or old.fact.flow == fact.flow:
            return None
        self.drop(old.fact.flow)
        return old

    def end_stale(self, now: float) -> list[Flow]:
        """Those that were not told again have ended when they were told last. Returns them."""
        ended = [flow for flow in self.by_id.values() if flow.stale]
        for flow in ended:
            flow.stale, flow.closed_t = False, flow.last_t
            self.ended.note(FLOW, flow.fact.flow, now)
        return ended

    def forget_span(self, from_t: float, to_t: float) -> None:
        """Drop what was told in a span of host time, also what is still there."""
        for name in [name for name, flow in self.by_id.items() if flow.first_t <= to_t and flow.last_t >= from_t]:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Have it in mind no more."""
        flow = self.by_id.pop(name, None)
        self.ended.drop(FLOW, name)
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
